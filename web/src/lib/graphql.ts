import { initGraphQLTada } from 'gql.tada';
import type { introspection } from '../graphql-env';

/** Typed GraphQL documents: the type of a result follows from the text of its query. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: {
    Time: string;
    ULID: string;
    UUID: string;
    Bytes: string;
    Map: Record<string, unknown>;
    Unknown: unknown;
    Int64: number;
    Uint: number;
    SpanMetadataScope: string;
    SpanMetadataKind: string;
    SpanMetadataValues: Record<string, unknown>;
    HTTPHeaders: Record<string, string | string[]>;
  };
}>();

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada';
export { readFragment } from 'gql.tada';
