import { cronWords } from './cron-words';

/** A schedule in words; as it is written if there are no words for it. */
export default function CronText({ cron }: { cron: string }) {
  return cronWords(cron) ?? cron;
}
