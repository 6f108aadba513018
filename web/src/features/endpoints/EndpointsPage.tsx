import { basePath, config, serverUrl } from '~/lib/config';
import { Card } from '~/ui/Card';
import { Snippet } from '~/ui/code/Snippet';
import { Notice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { AddressTable } from './AddressTable';
import { addressesOf } from './addresses';
import { curlExamples, scrapeConfig } from './examples';
import { Keys } from './Keys';
import { SdkSettings } from './SdkSettings';

/** The addresses of this server, and how apps and programs use them. */
export function EndpointsPage() {
  const isDev = config.mode === 'dev';
  const place = { serverUrl, isDev };
  return (
    <Page title="API and MCP">
      <div className="flex flex-col gap-4">
        <Card title="Addresses">
          <AddressTable addresses={addressesOf(serverUrl, isDev)} />
        </Card>
        <Card title="Point apps to this server">
          <div className="flex flex-col gap-3 px-4 py-3">
            {basePath !== '' && (
              <Notice severity="warning" title="Give apps an address without a path">
                <p>
                  SDKs leave the path <code className="font-mono">{basePath}</code> out of some of
                  their requests. Use an address at which the server is reached directly.
                </p>
              </Notice>
            )}
            <SdkSettings mode={config.mode} />
          </div>
        </Card>
        <Card title="Use the HTTP API">
          <div className="flex flex-col gap-3 px-4 py-3">
            {curlExamples(place).map(({ title, code }) => (
              <Snippet key={title} title={title} code={code} />
            ))}
          </div>
        </Card>
        <Card title="Collect metrics with Prometheus">
          <div className="px-4 py-3">
            <Snippet title="prometheus.yml" code={scrapeConfig(place)} />
          </div>
        </Card>
        <Card title="Keys">
          <Keys isDev={isDev} />
        </Card>
        <Card title="MCP">
          <p className="px-4 py-3 text-ink-soft">
            {config.features.mcp ? (
              <>
                Assistants that speak MCP reach this server at{' '}
                <code className="break-all font-mono text-[0.8125rem]">{serverUrl('mcp')}</code>.
              </>
            ) : (
              'This version of the server has no MCP endpoint. Assistants can use the REST and GraphQL APIs above.'
            )}
          </p>
        </Card>
      </div>
    </Page>
  );
}
