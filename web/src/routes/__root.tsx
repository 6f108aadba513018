import { createRootRoute } from '@tanstack/react-router';
import { Shell } from '~/features/shell/Shell';

export const Route = createRootRoute({ component: Shell });
