import { useState } from 'react';
import { Snippet } from '~/ui/code/Snippet';
import { type Tab, Tabs } from '~/ui/Tabs';
import { appAddress, exportLines, variablesFor } from '../onboarding/environment';

type Language = 'python' | 'typescript';
type Mode = 'dev' | 'start';

const CLIENTS: Record<Language, { title: string; code: (mode: Mode, url: string) => string }> = {
  python: {
    title: 'Python',
    code: (mode, url) =>
      [
        'client = inngest.Inngest(',
        '    app_id="shop",',
        ...(mode === 'dev' ? ['    is_production=False,'] : []),
        `    api_base_url="${url}",`,
        `    event_api_base_url="${url}",`,
        ')',
      ].join('\n'),
  },
  typescript: {
    title: 'TypeScript',
    code: (mode, url) =>
      [
        'const inngest = new Inngest({',
        '  id: "shop",',
        ...(mode === 'dev' ? ['  isDev: true,'] : []),
        `  baseUrl: "${url}",`,
        '});',
      ].join('\n'),
  },
};

/** What apps are told so that they talk to this server, by language. */
export function SdkSettings({ mode }: { mode: Mode }) {
  const [language, setLanguage] = useState<Language>('python');
  const url = appAddress();
  const tab = (value: Language): Tab<Language> => ({
    value,
    title: CLIENTS[value].title,
    content: (
      <div className="flex flex-col gap-3 pt-3">
        <Snippet
          title="In the environment of the app"
          code={exportLines(variablesFor(mode, url), 'sh')}
        />
        <Snippet title="Or in code" code={CLIENTS[value].code(mode, url)} />
      </div>
    ),
  });
  return (
    <>
      <p className="text-ink-soft">
        {mode === 'dev'
          ? 'This is a development server: apps need its address and no key.'
          : 'This is a server in production: apps need its address and both keys. Without INNGEST_DEV, SDKs sign and check every request.'}
      </p>
      <Tabs
        label="Language"
        value={language}
        onChange={setLanguage}
        tabs={[tab('python'), tab('typescript')]}
      />
    </>
  );
}
