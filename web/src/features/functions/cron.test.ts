import { describe, expect, it } from 'vitest';
import { is24Hours, scheduleOf } from './cron';
import { cronWords } from './cron-words';

describe('scheduleOf', () => {
  it.each([
    ['0 9 * * mon', '0 9 * * mon', 'UTC'],
    ['TZ=Europe/Lisbon 0 9 * * mon', '0 9 * * mon', 'Europe/Lisbon'],
    ['CRON_TZ=Etc/GMT+5 */5 * * * *', '*/5 * * * *', 'Etc/GMT+5'],
    ['TZ=America/Argentina/Rio_Gallegos  0 0 1 * *', '0 0 1 * *', 'America/Argentina/Rio_Gallegos'],
  ])('%s', (text, fields, zone) => {
    expect(scheduleOf(text)).toEqual({ fields, zone });
  });
});

describe('cronWords', () => {
  it('names the zone', () => {
    expect(cronWords('TZ=Etc/GMT+5 0 17 * * 1-5', true)).toBe(
      'At 17:00, Monday through Friday (Etc/GMT+5)',
    );
    expect(cronWords('*/5 * * * *', true)).toBe('Every 5 minutes (UTC)');
  });
  it('writes the clock as the reader does', () => {
    expect(cronWords('30 5 * * *', false)).toBe('At 05:30 AM (UTC)');
  });
  it('has no words for what is no schedule', () => {
    expect(cronWords('every now and then')).toBeNull();
  });
});

describe('is24Hours', () => {
  it('depends on the language', () => {
    expect(is24Hours('de-DE')).toBe(true);
    expect(is24Hours('en-US')).toBe(false);
  });
});
