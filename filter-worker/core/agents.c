/* agents: see agents.h. */
#include "agents.h"

#include <hs/hs.h>

static const char *const kinds[] = {
    [AGENT_EMPTY] = "empty",           [AGENT_OTHER] = "other",     [AGENT_BROWSER] = "browser",
    [AGENT_IN_APP] = "in_app",         [AGENT_LIBRARY] = "library", [AGENT_CRAWLER] = "crawler",
    [AGENT_AUTOMATION] = "automation",
};

struct slice agent_kind_text(enum agent_kind kind)
{
	return slice_cstr(kinds[kind]);
}

bool agent_kind_from_text(struct slice text, enum agent_kind *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (slice_is(text, kinds[i])) {
			*ret = (enum agent_kind)i;
			return true;
		}
	}
	return false;
}

static int remember(unsigned kind, _unused_ unsigned long long from, _unused_ unsigned long long to,
		    _unused_ unsigned flags, void *found)
{
	*(unsigned *)found |= 1U << kind;
	return 0;
}

/* All browsers have called themselves Mozilla since 1995, but for old Operas. Some senders keep the quotes of a log. */
static bool is_browser(struct slice agent)
{
	if (agent.data[0] == '"' || agent.data[0] == '\'')
		agent = slice_of(agent.data + 1, agent.len - 1);
	return slice_starts_with(agent, "Mozilla/") || slice_starts_with(agent, "Opera/");
}

enum agent_kind agents_kind(const struct agents *a, struct slice agent)
{
	unsigned found = 0;

	agent = slice_trim(agent);
	if (agent.len == 0)
		return AGENT_EMPTY;
	if (hs_scan(a->patterns, agent.data, (unsigned)agent.len, 0, a->scratch, remember,
		    &found) != HS_SUCCESS)
		return AGENT_OTHER;
	for (unsigned kind = AGENT_AUTOMATION; kind > AGENT_BROWSER; kind--) {
		if (found & 1U << kind)
			return (enum agent_kind)kind;
	}
	return is_browser(agent) ? AGENT_BROWSER : AGENT_OTHER;
}
