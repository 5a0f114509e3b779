/**
 * A page to try the server in two tabs: each is a user and writes to the other. It is plain HTML with the browser's own
 * WebSocket, so it is also an example of a client. What arrives is shown as text, never as markup.
 *
 * Its query may have `to` and `user_id`. Without `user_id` the id is random, so that two tabs are two users.
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
  body { max-width: 44rem; margin: 0 auto; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
  h1 { font-size: 1.4rem; margin: 0; }
  p { margin: .25rem 0 1rem; }
  form, .buttons { display: flex; flex-wrap: wrap; gap: .6rem .5rem; }
  form { margin: 0 0 1rem; }
  label { flex: 1 1 9rem; font-size: .85rem; }
  .wide, .buttons { flex-basis: 100%; }
  input, button { font: inherit; padding: .4rem .7rem; border-radius: .4rem; border: 1px solid light-dark(#767676, #8c8c8c); }
  input { box-sizing: border-box; width: 100%; margin-top: .15rem; }
  ::placeholder { color: light-dark(#666, #aaa); opacity: 1; }
  button { cursor: pointer; background: #2563eb; border-color: #2563eb; color: #fff; }
  button[type=button] { background: none; color: inherit; border-color: light-dark(#767676, #8c8c8c); }
  button:disabled { opacity: .4; cursor: default; }
  :focus-visible { outline: 2px solid light-dark(#2563eb, #7aa2ff); outline-offset: 0; }
  a { color: light-dark(#1d4ed8, #8ab4ff); }
  #status { font-weight: 600; }
  #log { list-style: none; margin: .75rem 0 0; padding: 0; border-top: 1px solid #8886; }
  #log li { padding: .35rem 0; border-bottom: 1px solid #8883; }
  #log .in::before { content: "\\2193  "; } #log .out::before { content: "\\2191  "; }
  #log .note { color: light-dark(#595959, #b0b0b0); } #log .error { color: light-dark(#b91c1c, #ff8a8a); }
</style>
</head>
<body>
<h1>Lanfare playground</h1>
<p>Connect here, and in a <a id="other" target="_blank">second tab</a> as the user you write to.</p>
<form id="connect" autocomplete="off">
  <label>I am user <input name="user" required maxlength="128"></label>
  <label>Node <input name="node" required spellcheck="false"></label>
  <label class="wide">Token <input name="token" pattern="\\s*[\\w.\\-]+\\s*" spellcheck="false" placeholder="if the node asks for one"></label>
  <div class="buttons"><button>Connect</button><button type="button" name="leave" disabled>Disconnect</button></div>
</form>
<form id="send" autocomplete="off">
  <label>To user <input name="to" required maxlength="128"></label>
  <label>Message <input name="text" value="haha" required></label>
  <div class="buttons"><button name="submit" disabled>Send</button></div>
</form>
<div id="status" role="status">not connected</div>
<ul id="log" role="log" aria-label="What happened"></ul>
<script>
  const { connect, send } = Object.fromEntries([...document.forms].map((form) => [form.id, form.elements]));
  const [status, log, other] = ['status', 'log', 'other'].map((id) => document.getElementById(id));
  const query = new URLSearchParams(location.search);
  const randomUser = () => String(1000 + Math.floor(9000 * Math.random()));
  connect.user.value = query.get('user_id') ?? randomUser();
  connect.node.value = location.host;
  send.to.value = query.get('to') ?? randomUser();

  let socket = null, timer, failures = 0, id = 0;

  function show(kind, text) {
    const item = document.createElement('li');
    item.className = kind;
    item.textContent = text;
    log.prepend(item);
    while (log.childElementCount > 200) log.lastElementChild.remove();
  }

  /** What the page does with the server's frames, by event. Other frames are shown unchanged. */
  const events = {
    ready(data) {
      failures = 0;
      send.submit.disabled = false;
      status.textContent = 'connected as user ' + data.user_id;
      show('note', 'connected to node ' + data.node_id);
    },
    message: ({ from, data }) => show('in', 'user ' + from + ': ' + JSON.stringify(data)),
    ack: ({ delivered, complete }) => show('note', 'delivered to ' + delivered + (delivered === 1 ? ' device' : ' devices') + (complete ? '' : ', perhaps to more')),
    error: ({ code, message }) => show('error', code + ': ' + message),
  };

  function open() {
    const { user, node, token } = connect;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const offers = ['lanfare.v1.json', 'lanfare.refusals'];
    if (token.value.trim()) offers.push('lanfare.bearer.' + token.value.trim());
    try {
      socket = new WebSocket(scheme + '://' + node.value + ${JSON.stringify(path)} + '?user_id=' + encodeURIComponent(user.value), offers);
    } catch (error) {
      status.textContent = 'not connected: ' + error.message;
      return;
    }
    connect.leave.disabled = false;
    status.textContent = 'connecting';
    const mine = socket;
    mine.onmessage = (message) => {
      const { event, data } = JSON.parse(message.data);
      if (Object.hasOwn(events, event)) events[event](data);
      else show('note', message.data);
    };
    mine.onclose = ({ code, reason }) => {
      if (mine === socket) closed(code, reason);
    };
  }

  function closed(code, reason) {
    leave();
    const why = 'not connected: ' + code + (reason ? ', ' + reason : '');
    show('note', why);
    status.textContent = why;
    const isTemporary = [1001, 1006, 1011, 1012].includes(code) || (code >= 4000 && code < 4500);
    if (!isTemporary) return;
    // doubled each time, and random, so that clients do not all reach the next node at once
    const seconds = Math.min(30, 0.5 * 2 ** failures++) * (0.5 + Math.random());
    status.textContent = why + '; again in ' + seconds.toFixed(1) + ' s';
    connect.leave.disabled = false;
    timer = setTimeout(open, seconds * 1000);
  }

  function leave() {
    clearTimeout(timer);
    const last = socket;
    socket = null;
    last?.close();
    send.submit.disabled = connect.leave.disabled = true;
    status.textContent = 'not connected';
  }

  document.forms.connect.addEventListener('submit', (event) => {
    event.preventDefault();
    leave();
    failures = 0;
    open();
  });
  connect.leave.addEventListener('click', leave);

  document.forms.send.addEventListener('submit', (event) => {
    event.preventDefault();
    socket.send(JSON.stringify({ user_id: send.to.value, data: send.text.value, id: ++id }));
    show('out', 'to user ' + send.to.value + ': ' + JSON.stringify(send.text.value));
  });

  const link = () => { other.href = '?' + new URLSearchParams({ user_id: send.to.value, to: connect.user.value }); };
  document.addEventListener('input', link);
  link();
</script>
</body>
</html>
`;
}
