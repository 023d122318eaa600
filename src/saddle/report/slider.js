(() => {
  const large = document.querySelector("#large img"), round = document.querySelector("#large b");
  const frames = [...document.querySelectorAll(".film li")];
  const box = document.querySelector(".slider"), moment = document.querySelector("#moment"), play = document.querySelector("#play");
  if (!box) return;
  const last = large.src;
  const film = document.querySelector(".film");
  let timer = null;
  const show = () => {
    const at = Number(moment.value), frame = frames[at], image = frame.querySelector("img");
    large.src = at === frames.length - 1 ? last : image.src;
    large.alt = image.alt;
    round.textContent = frame.querySelector("figcaption").textContent;
    moment.setAttribute("aria-valuetext", "round " + round.textContent);
    frames.forEach((f, i) => f.classList.toggle("now", i === at));
    film.scrollLeft = frame.offsetLeft - (film.clientWidth - frame.clientWidth) / 2;
    film.scrollTop = frame.offsetTop - (film.clientHeight - frame.clientHeight) / 2;
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  const next = () => {
    moment.value = Number(moment.value) + 1;
    show();
    if (Number(moment.value) === frames.length - 1) stop();
  };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(moment.value) === frames.length - 1) moment.value = 0;
    show();
    timer = setInterval(next, 350);
    play.textContent = "Pause";
  });
  moment.addEventListener("input", () => { stop(); show(); });
  frames.forEach((frame, i) => frame.addEventListener("click", () => { stop(); moment.value = i; show(); }));
  box.hidden = false;
  document.body.classList.add("live");
  show();
})();
