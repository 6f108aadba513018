import { StringStream } from '@codemirror/language';
import { describe, expect, it } from 'vitest';
import { readCelToken } from './cel-tokens';

/** Words and what they are; what has no colour is left out. */
function tokens(line: string): string[] {
  const stream = new StringStream(line, 2, 2);
  const found: string[] = [];
  while (!stream.eol()) {
    const token = readCelToken(stream);
    if (stream.pos === stream.start) throw new Error(`stuck at ${stream.pos} of ${line}`);
    if (token) found.push(`${token} ${stream.current()}`);
    stream.start = stream.pos;
  }
  return found;
}

describe('colours of CEL', () => {
  it('tell paths, operators and values apart', () => {
    expect(tokens('event.data.total >= -1.5e3 && output != null')).toEqual([
      'propertyName event',
      'propertyName data',
      'propertyName total',
      'operator >=',
      'number -1.5e3',
      'operator &&',
      'propertyName output',
      'operator !=',
      'keyword null',
    ]);
  });

  it('know methods and texts', () => {
    expect(tokens('!error.message.contains("say \\"no\\"") // never')).toEqual([
      'operator !',
      'propertyName error',
      'propertyName message',
      'function contains',
      'string "say \\"no\\""',
      'comment // never',
    ]);
  });

  it('end a text that is not closed with its line', () => {
    expect(tokens("event.v == 'abc && 1")).toEqual([
      'propertyName event',
      'propertyName v',
      'operator ==',
      "string 'abc && 1",
    ]);
  });

  it('never stand still', () => {
    expect(tokens('§ $ # @ \\ ` ´ ü 漢字 1..2 [a] {b}')).toEqual(expect.any(Array));
  });
});
