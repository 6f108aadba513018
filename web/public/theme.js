// Before the first paint, so that nobody in a dark room is shown a white page.
(() => {
  let choice = 'system';
  try {
    choice = localStorage.getItem('stepwell.theme') ?? 'system';
  } catch {
    // Storage may be forbidden; the system's theme will do.
  }
  const isDark =
    choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('dark', isDark);
})();
