/* replay_rules: every rule set that verdicts may name, by its hash: those that the directory ever published, the standard
 * one, and the file that workers are configured with. Read-only once it is there: threads share it. */
#ifndef PUNNET_REPLAY_RULES_H
#define PUNNET_REPLAY_RULES_H

#include "filter-worker/core/ruleset.h"
#include "tools/replay/replay.h"

#define REPLAY_RULESETS_MAX 4096

struct known_rules {
	char name[RULESET_HASH_LEN + 1]; /* what verdicts call it */
	struct ruleset set; /* its hash is another one where this version knows more parameters */
};
struct rulebook {
	struct known_rules **all;
	size_t count;
};

_must_use_ enum result rulebook_open(const struct replay *r, struct rulebook *ret,
				     struct error *ret_error);
void rulebook_close(struct rulebook *b);
const struct ruleset *rulebook_find(const struct rulebook *b, struct slice hash); /* NULL: none */

#endif
