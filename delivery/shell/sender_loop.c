/* sender_loop: libcurl's descriptors and timer on libuv's loop. */
#include <stdlib.h>

#include "sender_internal.h"

#define PLACES_FIRST 64

struct watched {
	uv_poll_t poll;
	struct sender *sender;
	curl_socket_t fd;
	int events; /* that libuv waits for */
};

/* libcurl stops looking at a connection between two requests. Taking it off the loop and putting it on again would cost
 * several system calls a request, so it stays watched until libcurl closes it, or the server says something. */
struct place {
	bool open;
	struct watched *idle; /* NULL: in use, or not watched */
};

/* --- watched descriptors --- */

static void on_handle_closed(struct sender *s)
{
	if (--s->handles > 0)
		return;
	free(s->places);
	free(s);
}

static void on_watched_closed(uv_handle_t *h)
{
	struct watched *w = h->data;
	struct sender *s = w->sender;

	free(w);
	on_handle_closed(s);
}

static void unwatch(struct watched *w)
{
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_watched_closed);
}

/* NULL when libcurl did not have the descriptor from us: its own, between its threads. */
static struct place *place_of(struct sender *s, curl_socket_t fd)
{
	return fd >= 0 && (size_t)fd < s->place_count && s->places[fd].open ? &s->places[fd] : NULL;
}

static void idle_over(struct place *p)
{
	if (p->idle)
		unwatch(p->idle);
	p->idle = NULL;
}

void sender_place_open(struct sender *s, curl_socket_t fd)
{
	size_t count = MAX_OF(s->place_count, (size_t)PLACES_FIRST);

	while (count <= (size_t)fd)
		count *= 2;
	if (count > s->place_count) {
		s->places = realloc(s->places, count * sizeof(*s->places));
		if (!s->places)
			abort();
		memset(s->places + s->place_count, 0,
		       (count - s->place_count) * sizeof(*s->places));
		s->place_count = count;
	}
	idle_over(&s->places[fd]);
	s->places[fd].open = true;
}

void sender_place_close(struct sender *s, curl_socket_t fd)
{
	struct place *p = place_of(s, fd);

	if (!p)
		return;
	idle_over(p);
	p->open = false;
}

/* --- libcurl's descriptors and timer on the loop --- */

static void on_timer_closed(uv_handle_t *h)
{
	on_handle_closed(h->data);
}

static void on_socket_ready(uv_poll_t *p, int status, int events)
{
	struct watched *w = p->data;
	struct sender *s = w->sender;
	struct place *place = place_of(s, w->fd);
	int running, flags = 0;

	assert(s->magic == SENDER_MAGIC);
	if (place && place->idle == w) {
		idle_over(
		    place); /* closed by the server; libcurl finds out before it uses it again */
		return;
	}
	if (status < 0) {
		flags = CURL_CSELECT_ERR;
		w->events = 0; /* libuv has stopped */
	}
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	/* w may be gone after this: libcurl may have stopped looking at the descriptor */
	curl_multi_socket_action(s->multi, w->fd, flags, &running);
	sender_serve_ends(s);
}

static struct watched *watch(struct sender *s, curl_socket_t fd)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->sender = s;
	w->fd = fd;
	if (uv_poll_init_socket(s->loop, &w->poll, fd) != 0) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	s->handles++;
	curl_multi_assign(s->multi, fd, w);
	return w;
}

/* libcurl does not look at it any more. */
static void let_go(struct sender *s, struct watched *w)
{
	struct place *p = place_of(s, w->fd);

	curl_multi_assign(s->multi, w->fd, NULL);
	if (s->closing || !p || w->events != UV_READABLE) {
		unwatch(w);
		return;
	}
	p->idle = w;
	uv_unref((uv_handle_t *)&w->poll);
}

static struct watched *take_up(struct sender *s, curl_socket_t fd)
{
	struct place *p = place_of(s, fd);
	struct watched *w = p ? p->idle : NULL;

	if (!w)
		return watch(s, fd);
	p->idle = NULL;
	uv_ref((uv_handle_t *)&w->poll);
	curl_multi_assign(s->multi, fd, w);
	return w;
}

static int on_want_socket(_unused_ CURL *easy, curl_socket_t fd, int what, void *clientp,
			  void *socketp)
{
	struct sender *s = clientp;
	struct watched *w = socketp;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (w)
			let_go(s, w);
		return 0;
	}
	if (!w)
		w = take_up(s, fd);
	if (!w)
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	if (events == w->events)
		return 0;
	w->events = events;
	return uv_poll_start(&w->poll, events, on_socket_ready) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *timer)
{
	struct sender *s = timer->data;
	int running;

	assert(s->magic == SENDER_MAGIC);
	curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	sender_serve_ends(s);
}

static int on_want_timer(_unused_ CURLM *multi, long timeout_ms, void *clientp)
{
	struct sender *s = clientp;

	if (s->closing || timeout_ms < 0) {
		uv_timer_stop(&s->timer);
		return 0;
	}
	/* The loop's idea of now is as old as its pass. */
	uv_update_time(s->loop);
	uv_timer_start(&s->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

/* --- start and end --- */

void sender_loop_open(struct sender *s)
{
	s->handles = 1;
	uv_timer_init(s->loop, &s->timer);
	s->timer.data = s;
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
}

void sender_loop_close(struct sender *s)
{
	for (size_t i = 0; i < s->place_count; i++)
		idle_over(&s->places[i]);
	uv_timer_stop(&s->timer);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}
