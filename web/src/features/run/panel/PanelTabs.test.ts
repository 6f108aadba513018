import { describe, expect, it } from 'vitest';
import { shownTab } from './PanelTabs';

describe('shownTab', () => {
  it('keeps what was chosen, whatever arrives meanwhile', () => {
    expect(shownTab(['input'], 'input', ['error', 'input'])).toBe('input');
    expect(shownTab(['error', 'input'], 'input', ['error', 'input'])).toBe('input');
  });

  it('prefers errors while nothing was chosen', () => {
    expect(shownTab(['input', 'error'], undefined, ['error', 'input'])).toBe('error');
  });

  it('shows another where there is nothing of what was chosen', () => {
    expect(shownTab(['output', 'headers'], 'linked', ['error', 'output'])).toBe('output');
    expect(shownTab(['headers'], 'linked', ['error'])).toBe('headers');
  });
});
