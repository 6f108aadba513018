/** Schedules: five fields, perhaps with a time zone before them. */

export interface Schedule {
  /** The five fields. */
  fields: string;
  /** Such as Europe/Lisbon; UTC unless the schedule says otherwise. */
  zone: string;
}

const WITH_ZONE = /^(?:CRON_)?TZ=(\S+)\s+(.+)$/s;

export function scheduleOf(text: string): Schedule {
  const [, zone, fields] = WITH_ZONE.exec(text.trim()) ?? [];
  return zone && fields ? { fields: fields.trim(), zone } : { fields: text.trim(), zone: 'UTC' };
}

/** Whether the reader's language writes 17:00 rather than 5 PM. */
export function is24Hours(locale?: string): boolean {
  const { hourCycle } = new Intl.DateTimeFormat(locale, { hour: 'numeric' }).resolvedOptions();
  return hourCycle === 'h23' || hourCycle === 'h24';
}
