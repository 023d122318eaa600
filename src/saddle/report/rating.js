(() => {
  const find = (id) => document.getElementById(id);
  const told = JSON.parse(find("told").textContent);
  const sections = ["begin", "ask", "end"].map(find);
  const images = [...document.querySelectorAll("#pictures img")];
  const buttons = [...document.querySelectorAll("[data-answer]")];
  const place = "saddle-rating-" + told.page, size = 384;
  let rater = null, order = [], at = 0, given = {}, wanted = [], ready = false, saved = true, keeps = true;

  const kept = () => { try { return JSON.parse(localStorage.getItem(place)) || {}; } catch { return {}; } };
  const keep = () => {
    try { localStorage.setItem(place, JSON.stringify({ ...kept(), [" last"]: rater, [rater]: given })); } catch { keeps = false; }
    find("unkept").hidden = keeps;
  };
  const numbers = (text) => {  // numbers in [0, 1), always the same ones of a text
    let a = 2166136261;
    for (const c of text) a = Math.imul(a ^ c.codePointAt(0), 16777619);
    return () => {
      a = (a + 0x6D2B79F5) | 0;
      let t = Math.imul(a ^ (a >>> 15), 1 | a);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  };
  const shuffled = (items, name) => {
    const mixed = [...items], next = numbers(told.page + name);
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1));
      [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
    }
    return mixed;
  };
  const open = (id) => {
    for (const section of sections) section.hidden = section.id !== id;
    find(id).querySelector("h2")?.focus();
  };
  const answered = () => order.filter((question) => given[question.id]).length;
  const table = () => "page,rater,question,answer\n" + order.filter((question) => given[question.id])
    .map((question) => [told.page, rater, question.id, given[question.id]].join(",") + "\n").sort().join("");

  const fit = () => {
    const small = images.some((image, i) => image.clientWidth < wanted[i]?.width || image.clientHeight < wanted[i]?.height);
    find("full").hidden = !small && !find("pictures").classList.contains("full");
  };
  const show = async () => {
    if (at >= order.length) return finish();
    open("ask");
    ready = false;
    const question = order[at];
    find("where").textContent = `Question ${at + 1} of ${order.length}`;
    find("progress").value = answered() / order.length;
    find("back").disabled = at === 0;
    for (const button of buttons) button.setAttribute("aria-pressed", String(given[question.id] === Number(button.dataset.answer)));
    wanted = question.pictures.map((one) => {
      const times = Math.max(1, Math.floor(size / Math.max(one.width, one.height)));
      return { times, width: one.width * times, height: one.height * times };
    });
    images.forEach((image, i) => {
      image.src = question.pictures[i].source;
      image.width = wanted[i].width;
      image.classList.toggle("enlarged", wanted[i].times > 1);
    });
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
    if (order[at] !== question) return;
    ready = true;
    fit();
  };
  const answer = (value) => {
    if (!ready) return;
    given[order[at].id] = value;
    saved = false;
    keep();
    at += 1;
    show();
  };
  const back = () => { if (at > 0) { at -= 1; show(); } };
  const finish = () => {
    const n = answered(), left = order.length - n;
    find("done").textContent = left ? `${n} of ${order.length} questions are answered.` : `All ${n} questions are answered.`;
    find("on").textContent = left ? "Go on" : "Look at my answers again";
    find("text").value = table();
    find("save").disabled = n === 0;
    open("end");
  };
  const first = () => {
    const open = order.findIndex((question) => !given[question.id]);
    return open < 0 ? order.length : open;
  };

  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    rater = find("rater").value.trim().replace(/\s+/g, " ").normalize("NFC");
    order = shuffled(told.questions, rater);
    given = Object.hasOwn(kept(), rater) ? kept()[rater] : {};
    saved = true;
    keep();
    at = first();
    show();
  });
  for (const button of buttons) button.addEventListener("click", () => answer(Number(button.dataset.answer)));
  find("back").addEventListener("click", back);
  find("stop").addEventListener("click", finish);
  find("on").addEventListener("click", () => { at = answered() < order.length ? first() : 0; show(); });
  find("other").addEventListener("click", () => { find("rater").value = ""; open("begin"); });
  find("full").addEventListener("click", () => {
    find("full").setAttribute("aria-pressed", String(find("pictures").classList.toggle("full")));
    fit();
  });
  find("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = `answers-${rater.replace(/[ .]+/g, "-")}-${told.page}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    saved = true;
  });
  document.addEventListener("keydown", (event) => {
    if (find("ask").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "Backspace") { event.preventDefault(); back(); }
    else if (buttons.some((button) => button.dataset.answer === event.key)) { event.preventDefault(); answer(Number(event.key)); }
  });
  addEventListener("resize", fit);
  addEventListener("beforeunload", (event) => { if (!keeps && !saved) event.preventDefault(); });

  const last = kept()[" last"];
  if (last) find("rater").value = last;
})();
