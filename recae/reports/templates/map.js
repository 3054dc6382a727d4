for (const map of document.querySelectorAll("[data-map]")) {
  const [svg, told, find] = ["svg", ".told", "input"].map((what) => map.querySelector(what));
  const dots = [...svg.querySelectorAll(".dot")];
  const buttons = [...map.querySelectorAll(".legend button")];
  const title = (dot) => dot.firstElementChild.textContent;
  const show = () => {
    const words = find.value.trim().toLowerCase();
    const group = buttons.find((button) => button.getAttribute("aria-pressed") === "true")?.dataset.group;
    const shown = dots.filter((dot) => (!group || dot.classList.contains(group)) && (!words || title(dot).toLowerCase().includes(words)));
    dots.forEach((dot) => dot.classList.remove("on"));
    shown.forEach((dot) => dot.classList.add("on"));
    svg.classList.toggle("some", Boolean(words || group));
    svg.classList.toggle("found", Boolean(words));
    told.textContent = words ? shown.slice(0, 5).map(title).join(" · ") + (shown.length > 5 ? ` and ${shown.length - 5} more` : "") || "No such item on the map." : "";
  };
  find.closest(".find").hidden = false;
  find.addEventListener("input", show);
  buttons.forEach((button) => button.addEventListener("click", () => {
    const press = button.getAttribute("aria-pressed") !== "true";
    buttons.forEach((other) => other.setAttribute("aria-pressed", String(press && other === button)));
    show();
  }));
  svg.addEventListener("pointerover", (event) => {
    if (event.target.matches(".dot")) told.textContent = title(event.target);
  });
}
