/**
 * A page for two tabs: be a user, write to another. Plain HTML and the browser's own WebSocket, so that it is also
 * an example of a client. What arrives is shown as text, never as markup.
 */
export function playgroundPage(path: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Lanfare playground</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem; }
  h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
  p { margin: .25rem 0 1rem; opacity: .75; }
  form { display: grid; grid-template-columns: 8rem 1fr 6.5rem; gap: .5rem; margin: 0 0 .75rem; align-items: end; }
  label { display: grid; min-width: 0; font-size: .8rem; gap: .15rem; }
  input, button { box-sizing: border-box; width: 100%; font: inherit; padding: .4rem .6rem; border-radius: .4rem; border: 1px solid #8888; }
  button { cursor: pointer; background: #2563eb; border-color: #2563eb; color: #fff; }
  button:disabled { opacity: .4; cursor: default; }
  #status { font-weight: 600; }
  #log { list-style: none; margin: 1rem 0 0; padding: 0; border-top: 1px solid #8886; }
  #log li { padding: .35rem 0; border-bottom: 1px solid #8883; overflow-wrap: anywhere; }
  #log .in::before { content: "\\2193  "; } #log .out::before { content: "\\2191  "; }
  #log .note { opacity: .65; } #log .error { color: #dc2626; }
</style>
</head>
<body>
<h1>Lanfare playground</h1>
<p>Open this page in two tabs, on one node or on two, be a different user in each, and write to the other.</p>
<form id="connect">
  <label>I am user <input name="user" value="1" required maxlength="128" autocomplete="off"></label>
  <label>Node <input name="node" required autocomplete="off"></label>
  <button>Connect</button>
</form>
<form id="send">
  <label>To user <input name="to" value="2" required maxlength="128" autocomplete="off"></label>
  <label>Message <input name="text" value="haha" required autocomplete="off"></label>
  <button disabled>Send</button>
</form>
<div id="status" role="status">not connected</div>
<ul id="log" aria-live="polite"></ul>
<script>
  const connect = document.forms.connect.elements, send = document.forms.send.elements;
  const status = document.getElementById('status'), log = document.getElementById('log');
  const sendButton = document.querySelector('#send button');
  connect.node.value = location.host;
  let socket, id = 0;

  function show(kind, text) {
    const item = document.createElement('li');
    item.className = kind;
    item.textContent = text;
    log.prepend(item);
    while (log.childElementCount > 200) log.lastElementChild.remove();
  }

  document.forms.connect.addEventListener('submit', (event) => {
    event.preventDefault();
    if (socket) socket.close();
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const url = scheme + '://' + connect.node.value + ${JSON.stringify(path)} + '?user_id=' + encodeURIComponent(connect.user.value);
    const mine = socket = new WebSocket(url, 'lanfare.v1.json');
    status.textContent = 'connecting';
    mine.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.event === 'ready') {
        status.textContent = 'connected as user ' + frame.data.user_id;
        sendButton.disabled = false;
        show('note', 'connected to node ' + frame.data.node_id);
      } else if (frame.event === 'message') {
        show('in', 'user ' + frame.data.from + ': ' + JSON.stringify(frame.data.data));
      } else if (frame.event === 'ack') {
        show('note', 'delivered to ' + frame.data.delivered + (frame.data.delivered === 1 ? ' device' : ' devices') + (frame.data.complete ? '' : ', perhaps to more'));
      } else if (frame.event === 'error') {
        show('error', frame.data.code + ': ' + frame.data.message);
      }
    };
    mine.onclose = ({ code, reason }) => {
      if (mine !== socket) return;
      status.textContent = 'not connected (' + code + (reason ? ', ' + reason : '') + ')';
      sendButton.disabled = true;
    };
  });

  document.forms.send.addEventListener('submit', (event) => {
    event.preventDefault();
    socket.send(JSON.stringify({ user_id: send.to.value, data: send.text.value, id: ++id }));
    show('out', 'to user ' + send.to.value + ': ' + JSON.stringify(send.text.value));
  });
</script>
</body>
</html>
`;
}
