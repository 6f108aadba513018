import { WifiOff } from 'lucide-react';
import { useEffect, useState } from 'react';
import { live, useLiveState } from '~/lib/live';
import { Button } from '~/ui/Button';

/** Short interruptions are nobody's business. */
const PATIENCE_MS = 5_000;

/** Says that what is shown may be old, while the server cannot be reached. */
export function OfflineBanner() {
  const isDown = useLiveState() === 'down';
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (!isDown) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isDown]);
  return (
    <div role="status">
      {isShown && (
        <div className="flex items-center gap-3 bg-waiting-soft px-4 py-2 text-waiting-ink">
          <WifiOff className="size-4 shrink-0" aria-hidden />
          <span className="flex-1">
            The server does not answer. What you see may be old; it is brought up to date as soon as
            the connection is back.
          </span>
          <Button size="small" onClick={() => live.hurry()}>
            Try now
          </Button>
        </div>
      )}
    </div>
  );
}
