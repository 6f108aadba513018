import { fireEvent, render, screen } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { keysInWords, type Shortcut, useShortcuts } from './shortcuts';

function Listening({ shortcuts }: { shortcuts: Shortcut[] }) {
  useShortcuts(shortcuts);
  return <input aria-label="Text" />;
}

function press(
  key: string,
  options: Partial<KeyboardEventInit> = {},
  target: Element = document.body,
) {
  fireEvent.keyDown(target, { key, ...options });
}

describe('useShortcuts', () => {
  it('hears keys, sequences and keys with Ctrl', () => {
    const done: string[] = [];
    const shortcuts = ['?', 'g r', 'mod+k'].map((keys) => ({
      keys,
      about: keys,
      action: () => done.push(keys),
    }));
    render(<Listening shortcuts={shortcuts} />);
    press('?');
    press('g');
    press('r');
    press('k', { ctrlKey: true });
    press('r');
    expect(done).toEqual(['?', 'g r', 'mod+k']);
  });

  it('leaves what one types alone, but for the search', () => {
    const [help, search] = [vi.fn(), vi.fn()];
    render(
      <Listening
        shortcuts={[
          { keys: '?', about: 'Help', action: help },
          { keys: 'mod+k', about: 'Search', action: search },
        ]}
      />,
    );
    const input = screen.getByLabelText('Text');
    press('?', {}, input);
    press('k', { ctrlKey: true }, input);
    expect(help).not.toHaveBeenCalled();
    expect(search).toHaveBeenCalledOnce();
  });

  it('writes keys as people read them', () => {
    expect(keysInWords('mod+k')).toEqual(['Ctrl', 'K']);
    expect(keysInWords('g r')).toEqual(['g', 'r']);
  });
});
