import type { ReactNode } from 'react';

/** Something that can be done or opened from the palette. */
export interface Command {
  title: string;
  /** Other words people may type for it. */
  words?: string;
  icon?: ReactNode;
  action: () => void;
}
