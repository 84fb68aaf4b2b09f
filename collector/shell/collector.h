/* collector: what the files of the shell share.
 *
 *   shell.c    opening, the turn, closing
 *   known.c    what the directory said, until it changes
 *   door.c     routes, keys, signatures, rates, page origins: who may hand what in
 *   intake.c   one request's lines, their results, its answer, its Idempotency-Key
 *   take.c     one line into one record, handed to the store
 *   replay.c   the same of a webmaster's request to be told once more
 *   store.c    records on their way to Kafka
 *   answer.c   answers and problem documents */
#ifndef PUNNET_COLLECTOR_H
#define PUNNET_COLLECTOR_H

#include "base/map.h"
#include "collector/core/draft.h"
#include "collector/core/raw_lead.h"
#include "collector/core/verdict.h"
#include "known.h"
#include "runtime/directory.h"
#include "runtime/http.h"
#include "runtime/keyring.h"
#include "runtime/kv.h"
#include "runtime/service.h"
#include "store.h"

#define COLLECTOR_SINGLE_BYTES (64u << 10)
#define COLLECTOR_BATCH_BYTES  (8u << 20)
#define COLLECTOR_BATCH_LINES  10000
#define COLLECTOR_LINE_BYTES   (64u << 10)
#define COLLECTOR_LINES_A_TURN                                                                     \
	256 /* of a batch, so that the requests of others are served between */
#define COLLECTOR_KEY_MAX          255 /* of an Idempotency-Key */
#define COLLECTOR_PARTY_MAX        128 /* of a webmaster's or advertiser's id */
#define COLLECTOR_IDEM_KEY_LEN     33  /* "i" and 32 hex digits */
#define COLLECTOR_ENTROPY_BYTES    4096
#define COLLECTOR_POOLED_MAX       4096
#define COLLECTOR_KEPT_TEXT_BYTES  4096
#define COLLECTOR_PAUSE_S          1 /* Retry-After of what should be sent again soon */
#define COLLECTOR_START_TIMEOUT_MS 15000
#define COLLECTOR_KV_TIMEOUT_MS    1000
#define COLLECTOR_PENDING_MARGIN_MS                                                                \
	5000 /* a crashed request blocks its key so much longer than it could have run */

#define INTAKE_MAGIC 0x494e544bu

enum party_kind { PARTY_WEBMASTER, PARTY_ADVERTISER };

enum line_state { LINE_WAITING, LINE_TAKEN, LINE_REFUSED, LINE_UNSTORED };

struct line {
	enum line_state state;
	enum problem problem; /* LINE_REFUSED, LINE_UNSTORED */
	uint32_t text_at,
	    text_len; /* in the intake's text: the problem document, or the verdict's id */
	struct lead_id lead_id;
};

/* One request on its way. */
struct intake {
	uint32_t magic;
	struct collector *c;
	struct http_request *request;
	enum party_kind party_kind;
	bool batch, form;
	bool replay;              /* to be told once more; else leads, or verdicts */
	bool idem;                /* its key was asked for, and is ours to answer */
	struct slice page_origin; /* empty, or to be allowed to read the answer */
	char party[COLLECTOR_PARTY_MAX + 1];
	const Punnet__V1__DirectoryEntry *entry; /* the party's, of this version of the directory */
	uint64_t entry_version;
	struct slice key; /* the Idempotency-Key */
	char idem_key[COLLECTOR_IDEM_KEY_LEN + 1];
	uint8_t body_hash[16];
	struct slice rest; /* of the body: what is not split yet */
	uint32_t line_count, next_line;
	uint32_t waiting; /* acknowledgements, and one more while it runs */
	int64_t deadline_ms;
	struct line *lines, single;
	struct buf text;
	struct intake *prev,
	    *next; /* batches that are not through yet; next also chains the pool */
};

struct entropy {
	uint8_t bytes[COLLECTOR_ENTROPY_BYTES];
	size_t left;
};

struct collector {
	struct service *service;
	struct bus *bus;
	struct directory *directory;
	struct known known;
	struct keyring *keyring;
	struct kv_async *kv;
	struct http_server *http;
	struct store *store;
	int32_t raw_partitions, outcome_partitions, replay_partitions;
	int64_t ack_timeout_ms, idempotency_ttl_ms;
	uint32_t default_rate, default_burst;
	struct map buckets; /* party to struct bucket */
	struct map replay_buckets;
	struct map page_origins; /* every origin that some webmaster lists */
	uint64_t page_origins_version;
	bool page_origins_known;
	struct intake *running, *running_last; /* batches that are not through, as they came */
	struct intake *pool;
	size_t intakes, pooled;
	/* used again from line to line */
	struct arena arena;
	struct draft draft;
	struct verdict verdict;
	struct faults faults;
	struct raw_lead_scratch scratch;
	struct buf record, answer;
	struct entropy entropy;
	struct sealer sealer;
	uint32_t sealer_day;       /* whose key it seals with */
	int64_t sealer_checked_ms; /* the turn in which that day's key was looked for */
	int64_t taken_at_ms; /* by the wall clock: the lines at hand, a piece of a batch at most */
};

/* Monotonic, as old as the loop's turn: for waits, not for what is measured or written down. */
static inline int64_t collector_now_ms(const struct collector *c)
{
	return (int64_t)uv_now(c->service->loop);
}

/* --- answer.c --- */

struct answer_extra {
	const char *allow;        /* 405 */
	uint32_t retry_after_s;   /* 429, 503; 0 = none */
	struct slice page_origin; /* empty = none */
	bool challenge, replayed; /* WWW-Authenticate, Idempotency-Replayed */
};

void answer_send(struct http_request *r, int status, const char *type, struct slice body,
		 const struct answer_extra *extra);
void answer_problem(struct http_request *r, enum problem p, const char *detail,
		    const struct answer_extra *extra);
void answer_fault(void *ctx, int status, struct buf *ret_body,
		  const char **ret_type); /* http_fault_fn */
void answer_count(enum problem p);

/* --- door.c --- */

void door_request(void *ctx, struct http_request *r);                      /* http_request_fn */
size_t door_body_limit(void *ctx, struct slice method, struct slice path); /* http_body_limit_fn */
void door_free(struct collector *c);
/* Made when it isn't there. */
struct bucket *door_bucket(struct map *buckets, const char *entry_id);

/* --- intake.c --- */

struct intake *intake_new(struct collector *c, struct http_request *r);
void intake_free(struct intake *i); /* without an answer: somebody else gave it */
void intake_begin(struct intake *i);
void intake_stored(void *waiter, uint32_t line, bool stored); /* store_fn */
_must_use_ bool
intake_turn(struct collector *c); /* goes on with the batches; true: call again at once */

/* --- take.c --- */

enum taken { TAKEN_DONE, TAKEN_LATER };
/* One line of the intake into its result, or to the store. TAKEN_LATER: the store is full; nothing happened. */
enum taken take_line(struct intake *i, const Punnet__V1__DirectoryEntry *party, struct slice text,
		     uint32_t line);
void take_refuse(struct intake *i, uint32_t line, enum problem p, const char *detail,
		 const struct faults *faults);
/* Hands the built record over; the line waits from here on. */
enum taken take_hand_over(struct intake *i, const char *topic, int32_t partition, struct slice key,
			  const char *type, uint32_t line);

/* --- replay.c --- */

enum taken replay_take(struct intake *i, struct slice text, uint32_t line);
/* Seconds to wait; 0 = welcome. */
uint32_t replay_too_soon(struct collector *c, const char *entry_id);

#endif
