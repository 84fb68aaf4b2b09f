/* agents: user agents that are no people. Expressions of open data (crawler-user-agents) and of the operator's own list, all
 * asked at once; the shell compiles them. Pure, but a struct agents is for one thread: it holds the matcher's scratch. */
#ifndef PUNNET_FILTER_AGENTS_H
#define PUNNET_FILTER_AGENTS_H

#include "base/slice.h"

#define AGENTS_PATTERNS_MAX 20000

struct hs_database; /* hs/hs.h */
struct hs_scratch;

/* The words of the fact agent_kind, in this order. What stands later wins where several fit: what an app's browser says of its app
 * is stronger than a crawler's word in it (a messenger's name, a telephone's). */
enum agent_kind {
	AGENT_EMPTY,   /* nothing but blanks */
	AGENT_OTHER,   /* none of the others */
	AGENT_BROWSER, /* speaks as browsers do */
	AGENT_LIBRARY, /* an HTTP library: a webmaster's server, a phone's app, a script */
	AGENT_CRAWLER,
	AGENT_IN_APP,     /* a browser inside an app: people */
	AGENT_AUTOMATION, /* a browser that a program drives */
};
struct slice agent_kind_text(enum agent_kind kind);
_must_use_ bool agent_kind_from_text(struct slice text, enum agent_kind *ret);

struct agents {
	const struct hs_database *patterns; /* each with its kind as id */
	struct hs_scratch *scratch;
};

enum agent_kind agents_kind(const struct agents *a, struct slice agent);

#endif
