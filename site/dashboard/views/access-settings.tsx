/** Who may do what here: users, and tokens for programs. */
import type {
  AccountAnswer,
  AccountRecord,
  Role,
  TokenAnswer,
  TokenRecord,
} from "../../../contract/accounts.ts";
import { Action, Field, Form, type Filled } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { list, useResource, type Resource } from "../state/resource.ts";
import { ask, mayAdminister, me } from "../state/site.ts";
import { timeText } from "../../quantities.ts";

const roles: readonly Role[] = ["viewer", "operator", "administrator"];

async function load(): Promise<{ users: AccountRecord[]; tokens: TokenRecord[] }> {
  const [users, tokens] = await Promise.all([list<AccountRecord>("/accounts"), list<TokenRecord>("/tokens")]);
  return { users, tokens };
}

export function AccessSettings() {
  if (!mayAdminister.value) return <p class="empty">Accounts and tokens are for administrators.</p>;
  return <Access />;
}

function Access() {
  const { act, value } = useResource(load);
  if (value === null) return <p class="empty">…</p>;
  return (
    <>
      <Section title="Users">
        <Users users={value.users} act={act} />
      </Section>
      <Section title="Tokens for programs">
        <Tokens tokens={value.tokens} act={act} />
      </Section>
    </>
  );
}

type Act = Resource<unknown>["act"];

function RoleOptions({ chosen }: { chosen?: Role }) {
  return (
    <>
      {roles.map((role) => (
        <option key={role} selected={role === chosen}>
          {role}
        </option>
      ))}
    </>
  );
}

function Users({ act, users }: { users: AccountRecord[]; act: Act }) {
  const add = async ({ text }: Filled): Promise<string> => {
    const { name, password } = await ask<AccountAnswer>("POST", "/accounts", {
      name: text("name"),
      role: text("role"),
    });
    return `${name} signs in with ${password}, which is shown this once.`;
  };
  const setRole = (id: string, role: string) =>
    act(() => ask("POST", `/accounts/${id}`, { role }).then(() => undefined));
  return (
    <>
      <Table label="Users" head={["Name", "Role", "State", "Last sign-in (UTC)", ""]}>
        {users.map((user) => (
          <tr key={user.id}>
            <td>{user.name}</td>
            <td>
              <select
                aria-label={`Role of ${user.name}`}
                disabled={user.name === me.value?.name}
                onChange={(event) => void setRole(user.id, event.currentTarget.value)}
              >
                <RoleOptions chosen={user.role} />
              </select>
            </td>
            <td>{user.disabled ? "disabled" : user.mustChangePassword ? "has a made password" : ""}</td>
            <td>{timeText(user.lastSignIn)}</td>
            <td class="actions">
              {user.name === me.value?.name ? null : <UserActions user={user} act={act} />}
            </td>
          </tr>
        ))}
      </Table>
      <Form act={act} onSend={add} class="fields">
        <Field label="Name">
          <input name="name" required />
        </Field>
        <Field label="Role">
          <select name="role">
            <RoleOptions />
          </select>
        </Field>
        <button type="submit">Add user</button>
      </Form>
    </>
  );
}

function UserActions({ act, user }: { user: AccountRecord; act: Act }) {
  const { disabled, id, name } = user;
  const word = disabled ? "Enable" : "Disable";
  const renew = async (): Promise<string> => {
    const { password } = await ask<AccountAnswer>("POST", `/accounts/${id}/password`, {});
    return `${name} signs in with ${password}, which is shown this once.`;
  };
  return (
    <>
      <Action
        label={`${word} ${name}`}
        onAct={() => act(() => ask("POST", `/accounts/${id}`, { disabled: !disabled }).then(() => undefined))}
      >
        {word}
      </Action>
      <Action label={`New password for ${name}`} onAct={() => act(renew)}>
        New password
      </Action>
      <Action label={`Remove ${name}`} onAct={() => act(() => ask("DELETE", `/accounts/${id}`))}>
        Remove
      </Action>
    </>
  );
}

function Tokens({ act, tokens }: { tokens: TokenRecord[]; act: Act }) {
  const add = async ({ text }: Filled): Promise<string> => {
    const name = text("name");
    const { token } = await ask<TokenAnswer>("POST", "/tokens", {
      name,
      role: text("role"),
      validDays: Number(text("days")),
    });
    return `The token of ${name} is ${token} and is shown this once.`;
  };
  return (
    <>
      <Table
        label="Tokens for programs"
        head={["Name", "Role", "Expires (UTC)", "Last used (UTC)", ""]}
        empty="There is none yet."
      >
        {tokens.map((one) => (
          <tr key={one.id}>
            <td>{one.name}</td>
            <td>{one.role}</td>
            <td>{timeText(one.expires)}</td>
            <td>{timeText(one.lastUsed)}</td>
            <td class="actions">
              <Action
                label={`Revoke ${one.name}`}
                onAct={() => act(() => ask("DELETE", `/tokens/${one.id}`))}
              >
                Revoke
              </Action>
            </td>
          </tr>
        ))}
      </Table>
      <Form act={act} onSend={add} class="fields">
        <Field label="Token name">
          <input name="name" required />
        </Field>
        <Field label="Token role">
          <select name="role">
            <RoleOptions />
          </select>
        </Field>
        <Field label="Days">
          <input name="days" type="number" min={1} max={3650} defaultValue="90" required />
        </Field>
        <button type="submit">Make token</button>
      </Form>
    </>
  );
}
