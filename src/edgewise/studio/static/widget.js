// The notebook widget: the studio's page in a frame, whose requests are messages to the kernel.

function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = "edgewise studio";
  frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 0`;
  const channel = new MessageChannel();
  const port = channel.port1;

  port.onmessage = ({ data }) => model.send(data);
  const answered = (message) => {
    if (message.page) frame.srcdoc = message.page;
    else port.postMessage(message);
  };
  const ready = (message) => {
    if (message.source !== frame.contentWindow || message.data !== "edgewise studio") return;
    frame.contentWindow.postMessage("edgewise studio", "*", [channel.port2]);
    window.removeEventListener("message", ready);
  };
  window.addEventListener("message", ready);
  model.on("msg:custom", answered);
  el.append(frame);
  model.send({ page: true });
  return () => {
    model.off("msg:custom", answered);
    window.removeEventListener("message", ready);
    port.close();
  };
}

export default { render };
