import { createFileRoute, redirect } from '@tanstack/react-router';
import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';

const StartQuery = graphql(`query Start { server { appCount } }`);

/** Newcomers begin with an app, everybody else with what runs. */
export const Route = createFileRoute('/')({
  beforeLoad: async () => {
    const apps = await request(StartQuery, {}).then(
      ({ server }) => server.appCount,
      () => 1,
    );
    throw redirect({ to: apps === 0 ? '/apps' : '/runs', replace: true });
  },
});
