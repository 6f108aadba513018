import { Check, ChevronDown } from 'lucide-react';
import { Button } from '~/ui/Button';
import { Menu, MenuItem } from '~/ui/Menu';
import { DEFAULT_TIME_FIELD, TIME_FIELDS, type TimeField } from './run-search';

const TITLES: Record<TimeField, string> = {
  QUEUED_AT: 'Queued',
  STARTED_AT: 'Started',
  ENDED_AT: 'Ended',
};

interface TimeFieldMenuProps {
  value: TimeField | undefined;
  onChange: (value: TimeField) => void;
  className?: string;
}

/** Chooses the time by which runs are listed. */
export function TimeFieldMenu({ value = DEFAULT_TIME_FIELD, ...props }: TimeFieldMenuProps) {
  return (
    <Menu
      trigger={
        <Button className={`font-normal ${props.className ?? ''}`}>
          <span className="sr-only">Listed by: </span>
          {TITLES[value]}
          <ChevronDown className="text-ink-faint" aria-hidden />
        </Button>
      }
    >
      {TIME_FIELDS.map((field) => (
        <MenuItem
          key={field}
          icon={<Check className={field === value ? undefined : 'invisible'} aria-hidden />}
          onSelect={() => props.onChange(field)}
        >
          {TITLES[field]}
          {field === value && <span className="sr-only"> (chosen)</span>}
        </MenuItem>
      ))}
    </Menu>
  );
}
