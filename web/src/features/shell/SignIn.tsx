import { KeyRound } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { signIn } from '~/lib/request';
import { Button } from '~/ui/Button';
import { Field, Input } from '~/ui/Field';
import { useTitle } from '~/ui/Page';

/** Asks for the operator token. The server answers with a cookie; the token is kept nowhere. */
export function SignIn() {
  useTitle('Sign in');
  const [token, setToken] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await signIn(token.trim());
      window.location.reload();
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
      setBusy(false);
    }
  };
  return (
    <main className="flex min-h-full items-center justify-center p-4">
      <form
        onSubmit={(event) => void submit(event)}
        className="flex w-full max-w-sm flex-col gap-4 rounded-xl border border-line bg-surface p-6 shadow-float"
      >
        <div className="flex items-center gap-3">
          <KeyRound className="size-5 text-accent" aria-hidden />
          <h1 className="font-semibold text-lg">Sign in to Stepwell</h1>
        </div>
        <Field
          label="Operator token"
          error={error}
          hint="The server showed it at its first start; it begins with stepwell_op_ unless you chose it. You stay signed in for 12 hours."
        >
          {(input) => (
            <Input
              {...input}
              type="password"
              autoComplete="current-password"
              value={token}
              onChange={(event) => setToken(event.target.value)}
              required
            />
          )}
        </Field>
        <Button type="submit" kind="primary" isBusy={isBusy} disabled={token.trim() === ''}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
