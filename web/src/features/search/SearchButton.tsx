import { Search } from 'lucide-react';
import { useShortcuts } from '~/features/shell/shortcuts';
import { Button } from '~/ui/Button';
import { Dot } from '~/ui/Status';

interface SearchButtonProps {
  isOpen: boolean;
  /** Whether the list is limited by a search, even if it is not to be seen. */
  isActive: boolean;
  onToggle: () => void;
  /** Opens the panel for writing; what `/` does. */
  onOpen: () => void;
}

/** Shows and hides the search of a list. */
export function SearchButton({ isOpen, isActive, onToggle, onOpen }: SearchButtonProps) {
  const isHidden = isActive && !isOpen;
  useShortcuts(isOpen ? [] : [{ keys: '/', about: 'Search in the list', action: onOpen }]);
  return (
    <Button
      className="font-normal"
      icon={<Search className="text-ink-faint" aria-hidden />}
      aria-expanded={isOpen}
      onClick={onToggle}
    >
      {isOpen ? 'Hide search' : 'Search'}
      {isHidden && (
        <>
          <Dot tone="busy" />
          <span className="sr-only">(a search is active)</span>
        </>
      )}
    </Button>
  );
}
