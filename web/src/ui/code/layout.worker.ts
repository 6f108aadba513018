/** Sets large JSON texts out beside the page, which stays usable meanwhile. */
import { setOut } from './json-layout';

self.onmessage = ({ data }: MessageEvent<string>) => self.postMessage(setOut(data));
