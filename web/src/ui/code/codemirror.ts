/** What every editor of the dashboard has in common. Loaded only with an editor. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { type Extension, Prec } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { config } from '~/lib/config';

interface EditorBaseOptions {
  /** Its accessible name, or the id of the element that shows it. */
  label?: string;
  labelledBy?: string;
  /** Ctrl or ⌘ with Enter. */
  onSubmit?: (() => void) | undefined;
}

/** Look, keys and history of an editor. Tab leaves it, as it leaves any field. */
export function editorBase({ label, labelledBy, onSubmit }: EditorBaseOptions): Extension[] {
  return [
    appearance,
    typingOver,
    history(),
    EditorView.contentAttributes.of(
      labelledBy ? { 'aria-labelledby': labelledBy } : { 'aria-label': label ?? '' },
    ),
    Prec.high(keymap.of(onSubmit ? [{ key: 'Mod-Enter', run: () => submitted(onSubmit) }] : [])),
    keymap.of([...defaultKeymap, ...historyKeymap]),
  ];
}

/**
 * Typing over selected text. Left alone, the browser keeps the look of what it replaces in an
 * attribute, which the security policy does not allow.
 */
const typingOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    const { data, inputType } = event;
    if (empty || data === null || inputType !== 'insertText' || view.composing) return false;
    if (view.state.readOnly) return false;
    const insert = () =>
      view.state.update(view.state.replaceSelection(data), {
        userEvent: 'input.type',
        scrollIntoView: true,
      });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, data, insert))) view.dispatch(insert());
    return true;
  },
});

function submitted(onSubmit: () => void): true {
  onSubmit();
  return true;
}

/** An editor's height: at least and at most as many lines as are given. */
export function heightInLines(min: number, max: number): Extension {
  const padding = '1rem';
  return EditorView.theme({
    '.cm-content, .cm-gutter': { minHeight: `calc(${min * LINE_HEIGHT_REM}rem + ${padding})` },
    '.cm-scroller': { maxHeight: `calc(${max * LINE_HEIGHT_REM}rem + ${padding})` },
  });
}

const LINE_HEIGHT_REM = 1.25;

const theme = EditorView.theme({
  '&': { backgroundColor: 'var(--surface)', color: 'var(--ink)', fontSize: '0.8125rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'var(--font-mono, "JetBrains Mono Variable", ui-monospace, monospace)',
    lineHeight: `${LINE_HEIGHT_REM}rem`,
    overflow: 'auto',
  },
  '.cm-content': { padding: '0.5rem 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 0.75rem' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--ink)' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground':
    { backgroundColor: 'color-mix(in srgb, var(--focus) 26%, transparent)' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--hover)' },
  '.cm-gutters': {
    backgroundColor: 'var(--canvas)',
    color: 'var(--ink-faint)',
    borderRight: '1px solid var(--line)',
  },
  '.cm-placeholder': { color: 'var(--ink-faint)' },
  '&.cm-focused .cm-matchingBracket, .cm-matchingBracket': {
    backgroundColor: 'var(--accent-soft)',
    outline: '1px solid var(--accent)',
  },
  '&.cm-focused .cm-nonmatchingBracket, .cm-nonmatchingBracket': {
    backgroundColor: 'var(--bad-soft)',
    color: 'var(--bad-ink)',
  },
  '.cm-foldPlaceholder': {
    backgroundColor: 'var(--calm-soft)',
    border: 'none',
    color: 'var(--calm-ink)',
    padding: '0 0.375rem',
  },
  '.cm-searchMatch': {
    backgroundColor: 'var(--waiting-soft)',
    outline: '1px solid var(--waiting-solid)',
  },
  '.cm-searchMatch-selected': {
    backgroundColor: 'var(--accent-soft)',
    outlineColor: 'var(--accent)',
  },
  '.cm-panels': {
    backgroundColor: 'var(--canvas)',
    color: 'var(--ink)',
    fontFamily: 'var(--font-sans, system-ui, sans-serif)',
  },
  '.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panels-bottom': { borderTop: '1px solid var(--line)' },
  '.cm-textfield': {
    backgroundColor: 'var(--surface)',
    border: '1px solid var(--line-strong)',
    borderRadius: '4px',
    color: 'var(--ink)',
    padding: '0.125rem 0.375rem',
  },
  '.cm-button': {
    backgroundColor: 'var(--surface)',
    backgroundImage: 'none',
    border: '1px solid var(--line-strong)',
    borderRadius: '4px',
    color: 'var(--ink)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
    boxShadow: 'var(--shadow)',
    color: 'var(--ink)',
    overflow: 'hidden',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'inherit' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '0.125rem 0.5rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent-soft)',
    color: 'var(--ink)',
  },
  '.cm-completionMatchedText': { color: 'var(--accent)', textDecoration: 'none' },
  '.cm-completionDetail': { color: 'var(--ink-faint)', fontStyle: 'normal' },
  '.cm-diagnostic': { padding: '0.25rem 0.625rem', whiteSpace: 'pre-wrap' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--bad-solid)', color: 'var(--bad-ink)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad-solid)',
    textDecorationSkipInk: 'none',
  },
});

/** Syntax in the colours of the tokens, which reach 4.5:1 in both themes. */
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.variableName], color: 'var(--code-key)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-text)' },
  { tag: tags.number, color: 'var(--code-number)' },
  {
    tag: [tags.bool, tags.null, tags.keyword, tags.function(tags.variableName)],
    color: 'var(--code-word)',
  },
  { tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
]);

/** Theme, colours and the permission to write styles. */
export const appearance: Extension = [
  EditorView.cspNonce.of(config.nonce),
  theme,
  syntaxHighlighting(colours),
];
