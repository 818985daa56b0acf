/** Signs in, and asks for a password of one's own where the account still has one that was made for it. */
import { ask, rememberMark, saying } from "./common.js";

const login = document.getElementById("login");
const renew = document.getElementById("renew");
const [name, password, fresh, again] = ["name", "password", "fresh", "again"].map((id) =>
  document.getElementById(id),
);

login.addEventListener("submit", (event) => {
  event.preventDefault();
  void saying(async () => {
    try {
      const me = await ask("POST", "/login", { name: name.value, password: password.value });
      rememberMark(me);
      if (!me.mustChangePassword) return location.replace("/");
      login.hidden = true;
      renew.hidden = false;
      fresh.focus();
    } catch (error) {
      password.select();
      throw error;
    }
  });
});

renew.addEventListener("submit", (event) => {
  event.preventDefault();
  void saying(async () => {
    if (fresh.value !== again.value) throw new Error("The two are not the same.");
    await ask("POST", "/me/password", { current: password.value, password: fresh.value });
    location.replace("/");
  });
});
