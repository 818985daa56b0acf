/** Exchanges the administrator's token for the page's cookie. */
const form = document.getElementById("login");
const field = document.getElementById("token");
const refusal = document.getElementById("refusal");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refusal.textContent = "";
  try {
    const answer = await fetch("/api/v1/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: field.value.trim() }),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    const { detail, remedy } = await answer.json();
    refusal.textContent = `${detail} ${remedy}`;
  } catch {
    refusal.textContent = "The site does not answer.";
  }
  field.select();
});
