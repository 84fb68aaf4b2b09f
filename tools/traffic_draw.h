/* traffic_draw: what the generator's files share: streams of numbers per lead, persons, contacts. Private to traffic_*.c. */
#ifndef PUNNET_TRAFFIC_DRAW_H
#define PUNNET_TRAFFIC_DRAW_H

#include "traffic_make.h"

enum traffic_stream { STREAM_HEAD = 1, STREAM_PERSON, STREAM_REST, STREAM_EARLIER };

struct traffic_head {
	enum traffic_kind kind;
	size_t source, vertical, country;
};

struct traffic_person {
	enum traffic_language language;
	enum traffic_sex sex;
	struct slice first, last, patronymic, city;
	const char *email;    /* in the arena, as are the others */
	const char *national; /* digits */
	const struct traffic_country *country;
};

/* --- traffic_write.c: a lead as a list of members, into bytes --- */

enum traffic_member_type { MEMBER_TEXT, MEMBER_NUMBER, MEMBER_LIST };

struct traffic_member {
	const char *name;
	struct slice value;
	enum traffic_member_type type;
	bool own; /* one of the vertical's fields */
};

void traffic_write_json(const struct traffic_member *members, size_t count, struct buf *out);
void traffic_write_form(const struct traffic_member *members, size_t count, struct buf *out);

/* --- traffic_draw.c --- */

struct rng traffic_stream(const struct traffic_maker *m, enum traffic_stream stream, uint64_t n);
struct slice traffic_pick(const struct traffic_texts *t,
			  struct rng *r); /* empty when there is none */
struct traffic_head traffic_head(const struct traffic_maker *m, uint64_t n);
struct traffic_person traffic_person(const struct traffic_maker *m, uint64_t n, size_t country,
				     struct arena *a);
const char *traffic_phone(const struct traffic_country *c, const char *national, struct rng *r,
			  struct arena *a);
const char *traffic_translit(struct slice text, struct arena *a); /* lower-case ASCII letters */
const char *traffic_pattern(struct slice pattern, struct rng *r, struct arena *a);

#endif
