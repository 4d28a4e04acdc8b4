// The log-in: the password goes to the API, the session comes back as a cookie that no script can read.
const form = document.getElementById("log-in"), refused = document.getElementById("refused"), field = document.getElementById("password");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refused.textContent = "";
  const answer = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ password: field.value }),
  }).catch(() => null);
  if (answer?.ok) {
    const wanted = new URLSearchParams(location.search).get("next") ?? (location.pathname === "/login" ? "/" : location.pathname + location.search);
    location.assign(/^\/(?![/\\])/.test(wanted) ? wanted : "/");
    return;
  }
  const told = await answer?.json().catch(() => null);
  refused.textContent = told ? [told.error, told.cure].filter(Boolean).join(" ") : "The console does not answer.";
  field.select();
});
