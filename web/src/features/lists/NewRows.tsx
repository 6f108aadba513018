import { ArrowUp } from 'lucide-react';
import { countInWords } from './counting';
import type { News } from './useFeedChanges';

interface NewRowsProps {
  news: News | null;
  /** The word for one of what is listed. */
  what: string;
  onShow: () => void;
}

/** Announces what is not in the list yet, so that it does not move under the reader. */
export function NewRows({ news, what, onShow }: NewRowsProps) {
  const text = news && countInWords(news.count, `new ${what}`, !news.isMore);
  return (
    <div className="pointer-events-none absolute inset-x-0 top-10 z-20 flex justify-center">
      {text && (
        <button
          type="button"
          onClick={onShow}
          className="pointer-events-auto inline-flex h-7 items-center gap-1.5 rounded-full bg-accent px-3 font-medium text-on-accent text-xs shadow-float hover:bg-accent-hover"
        >
          <ArrowUp className="size-3.5" aria-hidden />
          {text}
        </button>
      )}
      <span role="status" className="sr-only">
        {text ? `${text} at the top of the list` : ''}
      </span>
    </div>
  );
}
