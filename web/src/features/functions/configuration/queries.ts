import { graphql, type ResultOf } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { FunctionStateFragment } from '../function-state';

const FunctionOptionsFragment = graphql(
  `
    fragment FunctionOptions on Function @_unmask {
      ...FunctionState
      version
      updatedAt
      url
      config
      failureHandler { slug name }
      configuration {
        retries { value isDefault }
        cancellations { event timeout condition }
        priority
        eventsBatch { maxSize timeout key }
        concurrency { scope limit { value isPlanLimit } key }
        rateLimit { limit period key }
        debounce { period key }
        throttle { limit period burst key }
        singleton { mode key }
      }
      options {
        idempotency
        runConcurrency { limit key }
        startTimeout
        finishTimeout
        batchCondition
        debounceTimeout
        stepsMax
        stateBytesMax
      }
      app { syncedAt }
    }
  `,
  [FunctionStateFragment],
);

const FunctionConfigurationQuery = graphql(
  `
    query FunctionConfiguration($slug: String!) {
      functionList(first: 200, search: $slug, includeArchived: true) {
        nodes { ...FunctionOptions }
      }
    }
  `,
  [FunctionOptionsFragment],
);

export type FunctionWithOptions = ResultOf<typeof FunctionOptionsFragment>;
/** What the options are read from. */
export type FunctionOptions = Pick<FunctionWithOptions, 'configuration' | 'options'>;

/** Functions whose slug or name contains the text, with all they are configured with. */
export function useConfigurations(slug: string) {
  return useLiveQuery(FunctionConfigurationQuery, { slug }, { changedBy: (change) => change.apps });
}
