/*
 * Holds many WebSocket connections in one process, with little memory and processor time, for `npm run million`.
 *
 * It reads commands from stdin, one a line, and writes one line for each that takes effect at once:
 *
 *   token <jwt>                        one more connection, closed so far
 *   targets <jitter ms> <port>...      where connections go from now on, and how long one that was closed waits at most
 *   fill <waiting>                     connects all; so many upgrades wait at the same time
 *   enough                             forgets those that have never been connected
 *   join <room> <every>                each so-many-th connection joins the room
 *   users <stride> <count>...          whom messages go to: u0 to u<count - 1>, then so many from u<stride> on, and so on
 *   send <per second>                  from now on sends to these users at random; 0: stops
 *   publish <per second> <room>        the same to a room, from connections that have joined it
 *   report                             writes the counters and the histograms
 *   anew                               begins the histograms anew
 *
 * Called as `holder until-parent-ends <program> <argument>...` it becomes that program, which the kernel ends when the
 * process that has started it ends, however that happens.
 *
 * A connection that is closed connects again. Data is the time of sending (CLOCK_MONOTONIC, us), so that whoever receives
 * it on this machine knows how long it took. Frames are masked with zeros: nobody in between has to be protected.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX 256
#define READ_BYTES 65536
#define TICK_US 2000
#define BUCKETS_PER_OCTAVE 8
#define BUCKETS (40 * BUCKETS_PER_OCTAVE)
#define ROOM_BYTES 64

enum state { CLOSED, CONNECTING, UPGRADING, OPEN };

struct connection {
  char *token;
  char *partial; /* the begin of a frame, or of the answer to the upgrade */
  long due;      /* closed: when it connects again */
  int fd, partial_bytes;
  unsigned char state, joined;
};

struct load {
  long per_second, sent, credit_at;
  double credit;
};

static struct connection *all;
static int count, capacity, opening, open_count, filling, next_to_fill;
static int targets[TARGETS_MAX], target_count, next_target;
static long jitter_us = 1000000, user_stride, user_total;
static int user_counts[TARGETS_MAX], user_ranges;
static char room[ROOM_BYTES];
static struct load sends, publications;
static long received, room_received, acks, incomplete, errors, closed, refused;
static long latency[BUCKETS], room_latency[BUCKETS], opened;
static int epoll, source;

static long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void fail(const char *what) {
  fprintf(stderr, "holder: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void note_latency(long *histogram, long us) {
  int bucket = us < 1 ? 0 : (int)(log2((double)us) * BUCKETS_PER_OCTAVE);
  histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static void forget_partial(struct connection *c) {
  free(c->partial);
  c->partial = NULL;
  c->partial_bytes = 0;
}

static void disconnect(struct connection *c) {
  if (c->state == OPEN) open_count--, closed++;
  else opening--, refused++;
  close(c->fd);
  forget_partial(c);
  c->state = CLOSED;
  c->joined = 0;
  c->due = now_us() + (jitter_us > 0 ? random() % jitter_us : 0);
}

static void begin(struct connection *c) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + source)};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1;
  to.sin_port = htons(targets[next_target++ % target_count]);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket");
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0) fail("bind");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = c - all};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) fail("epoll_ctl");
  c->state = CONNECTING;
  opening++;
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) disconnect(c);
}

static void upgrade(struct connection *c) {
  char request[2048];
  int length = snprintf(request, sizeof request,
                        "GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
                        "Sec-WebSocket-Protocol: lanfare.v1.json\r\nAuthorization: Bearer %s\r\n\r\n",
                        c->token);
  c->state = UPGRADING;
  if (write(c->fd, request, length) != length) disconnect(c);
}

/* Returns 0 when the connection takes nothing at the moment. */
static int put_text(struct connection *c, const char *text, int length) {
  char frame[512];
  int at = 0;
  frame[at++] = (char)0x81;
  if (length < 126) frame[at++] = (char)(0x80 | length);
  else frame[at++] = (char)(0x80 | 126), frame[at++] = (char)(length >> 8), frame[at++] = (char)length;
  memset(frame + at, 0, 4);
  memcpy(frame + at + 4, text, length);
  return write(c->fd, frame, at + 4 + length) == at + 4 + length;
}

static void handle_text(const char *text, int length) {
  static const char message[] = "{\"event\":\"message\"", data[] = "\"data\":\"";
  if (length > 18 && memcmp(text, message, 18) == 0) {
    const char *sent_at = memmem(text, length, data, sizeof data - 1);
    long us = sent_at == NULL ? 0 : now_us() - atol(sent_at + sizeof data - 1);
    if (memmem(text, length, "\"room\":", 7) != NULL) room_received++, note_latency(room_latency, us);
    else received++, note_latency(latency, us);
  } else if (length > 14 && memcmp(text, "{\"event\":\"ack\"", 14) == 0) {
    acks++;
    if (memmem(text, length, "\"complete\":false", 16) != NULL) incomplete++;
  } else if (length > 16 && memcmp(text, "{\"event\":\"error\"", 16) == 0) {
    errors++;
  }
}

/* Returns how many bytes were whole; -1: the connection has ended. */
static int handle_bytes(struct connection *c, char *bytes, int length) {
  static const char pong[6] = {(char)0x8a, (char)0x80, 0, 0, 0, 0};
  int at = 0;
  if (c->state == UPGRADING) {
    char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    if (memcmp(bytes, "HTTP/1.1 101", 12) != 0) return -1;
    c->state = OPEN;
    opening--, open_count++, opened++;
    at = end + 4 - bytes;
  }
  while (length - at >= 2) {
    int opcode = bytes[at] & 15, header = 2, size = bytes[at + 1] & 127;
    if (size == 126) {
      if (length - at < 4) break;
      size = (unsigned char)bytes[at + 2] << 8 | (unsigned char)bytes[at + 3];
      header = 4;
    } else if (size == 127) {
      return -1; /* nothing here is as large */
    }
    if (length - at < header + size) break;
    if (opcode == 1) handle_text(bytes + at + header, size);
    if (opcode == 9 && write(c->fd, pong, sizeof pong) != sizeof pong) return -1;
    if (opcode == 8) return -1;
    at += header + size;
  }
  return at;
}

static void read_all(struct connection *c) {
  static char bytes[READ_BYTES];
  for (;;) {
    int kept = c->partial_bytes;
    if (kept > 0) memcpy(bytes, c->partial, kept);
    ssize_t got = read(c->fd, bytes + kept, sizeof bytes - kept);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return disconnect(c);
    forget_partial(c);
    int used = handle_bytes(c, bytes, kept + got);
    if (used < 0) return disconnect(c);
    int rest = kept + got - used;
    if (rest == 0) continue;
    c->partial = malloc(rest);
    if (c->partial == NULL) fail("malloc");
    memcpy(c->partial, bytes + used, rest);
    c->partial_bytes = rest;
  }
}

static void handle_event(struct connection *c, unsigned events) {
  if (c->state == CLOSED) return;
  if (c->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 || (events & EPOLLHUP)) return disconnect(c);
    if (!(events & EPOLLOUT)) return;
    upgrade(c);
  }
  if (c->state != CLOSED && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) read_all(c);
}

/* Connects what has never been, then what was closed and has waited. */
static void connect_due(long now) {
  if (filling == 0 || target_count == 0) return;
  while (opening < filling && next_to_fill < count) begin(&all[next_to_fill++]);
  if (next_to_fill < count || open_count + opening == count) return;
  for (int index = 0; index < count && opening < 16 * filling; index++)
    if (all[index].state == CLOSED && all[index].due <= now) begin(&all[index]);
}

static int due_of(struct load *load, long now) {
  load->credit += (double)(now - load->credit_at) * load->per_second / 1e6;
  load->credit_at = now;
  int due = (int)load->credit;
  load->credit -= due;
  return due;
}

static long random_user(void) {
  long chosen = random() % user_total;
  for (int range = 0; range < user_ranges; chosen -= user_counts[range++])
    if (chosen < user_counts[range]) return range * user_stride + chosen;
  return 0;
}

static void send_due(long now) {
  char text[300];
  for (int due = due_of(&sends, now); due > 0 && open_count > 0 && user_total > 0; due--) {
    struct connection *c = &all[random() % count];
    if (c->state != OPEN) continue;
    int length = snprintf(text, sizeof text, "{\"event\":\"send\",\"data\":{\"user_id\":\"u%ld\",\"data\":\"%ld\"}}",
                          random_user(), now_us());
    if (put_text(c, text, length)) sends.sent++;
  }
  int due = due_of(&publications, now);
  for (int index = 0; index < count && due > 0; index++) {
    if (!all[index].joined || all[index].state != OPEN) continue;
    int length = snprintf(text, sizeof text, "{\"event\":\"publish\",\"data\":{\"room\":\"%s\",\"data\":\"%ld\"}}", room,
                          now_us());
    if (put_text(&all[index], text, length)) publications.sent++, due--;
  }
}

static void print_histogram(const char *name, long *histogram) {
  printf(",\"%s\":[", name);
  for (int bucket = 0, any = 0; bucket < BUCKETS; bucket++)
    if (histogram[bucket] > 0)
      printf("%s[%.1f,%ld]", any++ ? "," : "", exp2((bucket + 1.0) / BUCKETS_PER_OCTAVE), histogram[bucket]);
  printf("]");
}

static void report(void) {
  printf("{\"connections\":%d,\"open\":%d,\"opened\":%ld,\"closed\":%ld,\"refused\":%ld,\"sent\":%ld,\"received\":%ld,"
         "\"published\":%ld,\"roomReceived\":%ld,\"acks\":%ld,\"incomplete\":%ld,\"errors\":%ld",
         count, open_count, opened, closed, refused, sends.sent, received, publications.sent, room_received, acks,
         incomplete, errors);
  print_histogram("latency", latency);
  print_histogram("roomLatency", room_latency);
  printf("}\n");
}

static void add(const char *token) {
  if (count == capacity) {
    capacity = capacity == 0 ? 1024 : capacity * 2;
    all = realloc(all, capacity * sizeof *all);
    if (all == NULL) fail("realloc");
  }
  all[count] = (struct connection){.token = strdup(token)};
  count++;
}

static void join(long every) {
  char text[200];
  int length = snprintf(text, sizeof text, "{\"event\":\"join\",\"id\":1,\"data\":{\"room\":\"%s\"}}", room);
  int joined = 0;
  for (int index = 0; index < count; index += every)
    if (all[index].state == OPEN && put_text(&all[index], text, length)) all[index].joined = 1, joined++;
  printf("{\"joined\":%d}\n", joined);
}

static void forget_the_rest(void) {
  for (int index = next_to_fill; index < count; index++) free(all[index].token);
  count = next_to_fill;
}

static void set_users(char *rest) {
  user_ranges = 0;
  user_total = 0;
  for (char *size; user_ranges < TARGETS_MAX && (size = strsep(&rest, " ")) != NULL; user_ranges++) {
    user_counts[user_ranges] = atoi(size);
    user_total += user_counts[user_ranges];
  }
}

static void set_load(struct load *load, long per_second) {
  load->per_second = per_second;
  load->credit_at = now_us();
  load->credit = 0;
}

static void obey(char *line) {
  char *rest = line, *word = strsep(&rest, " ");
  char *first = rest == NULL ? NULL : strsep(&rest, " ");
  long number = first == NULL ? 0 : atol(first);
  if (strcmp(word, "token") == 0) add(first);
  else if (strcmp(word, "fill") == 0) filling = (int)number;
  else if (strcmp(word, "enough") == 0) forget_the_rest();
  else if (strcmp(word, "report") == 0) report();
  else if (strcmp(word, "anew") == 0) memset(latency, 0, sizeof latency), memset(room_latency, 0, sizeof room_latency);
  else if (strcmp(word, "targets") == 0) {
    jitter_us = number * 1000;
    target_count = 0;
    for (char *port; target_count < TARGETS_MAX && (port = strsep(&rest, " ")) != NULL;)
      targets[target_count++] = atoi(port);
    next_target = source; /* so that holders do not all begin with the same node */
  } else if (strcmp(word, "join") == 0) {
    snprintf(room, sizeof room, "%s", first);
    join(atol(rest));
  } else if (strcmp(word, "users") == 0) {
    user_stride = number;
    set_users(rest);
  } else if (strcmp(word, "send") == 0) {
    set_load(&sends, number);
  } else if (strcmp(word, "publish") == 0) {
    set_load(&publications, number);
  }
  fflush(stdout);
}

/* Returns 0 at the end of the input. */
static int read_commands(void) {
  static char input[1 << 16];
  static int length;
  ssize_t got = read(STDIN_FILENO, input + length, sizeof input - length - 1);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return 0;
  length += (int)got;
  char *line = input, *end;
  while ((end = memchr(line, '\n', input + length - line)) != NULL) {
    *end = 0;
    obey(line);
    line = end + 1;
  }
  length -= (int)(line - input);
  memmove(input, line, length);
  return 1;
}

static void become(char **argv) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("prctl");
  execvp(argv[0], argv);
  fail(argv[0]);
}

/* Milliseconds until there may be something to send. Waking up more often costs more than the messages. */
static int pause_ms(void) {
  long per_second = sends.per_second > publications.per_second ? sends.per_second : publications.per_second;
  long ms = per_second == 0 ? -1 : 1000 / per_second;
  if (filling > 0 && open_count < count) return TICK_US / 1000;
  return ms < 0 ? -1 : ms < TICK_US / 1000 ? TICK_US / 1000 : (int)ms;
}

int main(int argc, char **argv) {
  struct epoll_event events[1024];
  if (argc > 2 && strcmp(argv[1], "until-parent-ends") == 0) become(argv + 2);
  source = argc > 1 ? atoi(argv[1]) : 0;
  srandom((unsigned)now_us() + source);
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event input = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0) fail("epoll");
  for (long ticked = now_us();;) {
    int ready = epoll_wait(epoll, events, 1024, pause_ms());
    for (int index = 0; index < ready; index++) {
      if (events[index].data.u32 != UINT32_MAX) handle_event(&all[events[index].data.u32], events[index].events);
      else if (!read_commands()) return 0;
    }
    long now = now_us();
    if (now - ticked < TICK_US && open_count + opening == count) continue;
    ticked = now;
    connect_due(now);
    if (sends.per_second + publications.per_second > 0) send_due(now);
  }
}
