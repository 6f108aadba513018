import { useState } from 'react';

/** Whether the panel is open: at first if there is a search to be seen. */
export function useSearchPanel(value: string | undefined) {
  const [state, setState] = useState({ isOpen: value !== undefined, takesFocus: false });
  return {
    ...state,
    open: () => setState({ isOpen: true, takesFocus: true }),
    toggle: () => setState(({ isOpen }) => ({ isOpen: !isOpen, takesFocus: !isOpen })),
  };
}
