import cronstrue from 'cronstrue';
import { is24Hours, scheduleOf } from './cron';

/** "At 09:00, only on Monday (Europe/Lisbon)"; null for what cannot be put in words. */
export function cronWords(text: string, uses24Hours: boolean = is24Hours()): string | null {
  const { fields, zone } = scheduleOf(text);
  try {
    const words = cronstrue.toString(fields, { use24HourTimeFormat: uses24Hours });
    return `${words} (${zone})`;
  } catch {
    return null;
  }
}
