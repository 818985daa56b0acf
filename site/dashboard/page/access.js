/** Who may do what here, and who did: users, tokens, the audit log and one's own password. */
import { ask, button, element, saying, showRows, signOut, timeText, whoAmI } from "./common.js";

const part = (id) => document.getElementById(id);
const roles = ["viewer", "operator", "administrator"];
let me;

function chooseRole(user) {
  const made = element("select");
  made.setAttribute("aria-label", `Role of ${user.name}`);
  made.append(...roles.map((role) => new Option(role, role, false, role === user.role)));
  made.disabled = user.name === me.name;
  made.addEventListener("change", () => act(() => ask("POST", `/accounts/${user.id}`, { role: made.value })));
  return made;
}

function userActions(user) {
  const box = element("span");
  if (user.name === me.name) return box;
  const { disabled, id, name } = user;
  const word = disabled ? "Enable" : "Disable";
  box.append(
    button(word, `${word} ${name}`, () => act(() => ask("POST", `/accounts/${id}`, { disabled: !disabled }))),
    button("New password", `New password for ${name}`, () =>
      act(async () => {
        const { password } = await ask("POST", `/accounts/${id}/password`, {});
        return `${name} signs in with ${password}, which is shown this once.`;
      }),
    ),
    button("Remove", `Remove ${name}`, () => act(() => ask("DELETE", `/accounts/${id}`))),
  );
  return box;
}

async function show() {
  const [users, tokens, entries] = await Promise.all([
    ask("GET", "/accounts"),
    ask("GET", "/tokens"),
    ask("GET", "/audit?limit=100"),
  ]);
  showRows(
    part("users"),
    users.map((user) => [
      user.name,
      chooseRole(user),
      user.disabled ? "disabled" : user.mustChangePassword ? "has a made password" : "",
      timeText(user.lastSignIn),
      userActions(user),
    ]),
  );
  showRows(
    part("tokens"),
    tokens.map(({ expires, id, lastUsed, name, role }) => [
      name,
      role,
      timeText(expires),
      timeText(lastUsed),
      button("Revoke", `Revoke ${name}`, () => act(() => ask("DELETE", `/tokens/${id}`))),
    ]),
  );
  showRows(
    part("audit"),
    entries.map((one) => [timeText(one.time), one.who, one.address, one.action, one.target, one.outcome]),
  );
}

const act = (work) =>
  saying(async () => {
    try {
      return await work();
    } finally {
      if (me.role === "administrator") await show();
    }
  });

function onSubmit(id, work) {
  part(id).addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    void act(async () => {
      const said = await work(Object.fromEntries(new FormData(form)));
      form.reset();
      return said;
    });
  });
}

onSubmit("own", async ({ current, password }) => {
  await ask("POST", "/me/password", { current, password });
  return "The password is changed; every other sign-in with it has ended.";
});
onSubmit("add-user", async ({ name, role }) => {
  const { name: added, password } = await ask("POST", "/accounts", { name, role });
  return `${added} signs in with ${password}, which is shown this once.`;
});
onSubmit("add-token", async ({ days, name, role }) => {
  const { token } = await ask("POST", "/tokens", { name, role, validDays: Number(days) });
  return `The token of ${name} is ${token} and is shown this once.`;
});
part("logout").addEventListener("click", () => void signOut());

void saying(async () => {
  me = await whoAmI();
  part("summary").textContent = `${me.name}, ${me.role}`;
  part("administration").hidden = me.role !== "administrator";
  if (me.role === "administrator") await show();
});
