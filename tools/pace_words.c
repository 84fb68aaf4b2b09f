/* pace_words: see pace_words.h. */
#include "pace_words.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/money.h"
#include "base/timefmt.h"

static const struct {
	const char *code, *words;
} states[] = {
    [PUNNET__V1__PACE_STATE__PACE_NONE] = {"none", ""},
    [PUNNET__V1__PACE_STATE__PACE_LEARNS] = {"learns", "too early to say"},
    [PUNNET__V1__PACE_STATE__PACE_ON_PLAN] = {"on_plan", "on plan"},
    [PUNNET__V1__PACE_STATE__PACE_SHORT] = {"short", "SHORT: it will not be met"},
    [PUNNET__V1__PACE_STATE__PACE_FAST] = {"fast", "FAST: far ahead of its plan"},
    [PUNNET__V1__PACE_STATE__PACE_FILLED] = {"filled", "filled"},
};

static bool is_paced(const Punnet__V1__OrderProgress *p)
{
	return p && p->pace && p->pace->state > 0 && (size_t)p->pace->state < ARRAY_LEN(states);
}

/* "4,180" */
static void put_count(struct buf *out, uint64_t n)
{
	if (n >= 1000) {
		put_count(out, n / 1000);
		buf_printf(out, ",%03u", (unsigned)(n % 1000));
		return;
	}
	buf_printf(out, "%u", (unsigned)n);
}

static void put_range(struct buf *out, const Punnet__V1__Pace *pace)
{
	if (pace->low == pace->high)
		return;
	buf_append_cstr(out, ", 80 % between ");
	put_count(out, pace->low);
	buf_append_cstr(out, " and ");
	put_count(out, pace->high);
}

void pace_words(const Punnet__V1__OrderProgress *p, struct buf *out)
{
	char until[TIME_TEXT_LEN + 1];

	if (!is_paced(p))
		return;
	time_text(p->until_ms, until);
	until[10] = ' ';
	until[16] = '\0';
	if (p->pace->state != PUNNET__V1__PACE_STATE__PACE_LEARNS) {
		put_count(out, p->pace->expected);
		buf_append_cstr(out, " of ");
	}
	put_count(out, p->quantity);
	buf_printf(out, " by %s UTC", until);
	if (p->pace->state != PUNNET__V1__PACE_STATE__PACE_LEARNS)
		put_range(out, p->pace);
	buf_printf(out, "; %s", states[p->pace->state].words);
	if (p->pace->state == PUNNET__V1__PACE_STATE__PACE_FILLED)
		return;
	buf_append_cstr(out, "; by plan ");
	put_count(out, p->pace->planned);
	buf_append_cstr(out, " by now");
}

void pace_json(const Punnet__V1__OrderProgress *p, struct buf *out)
{
	const Punnet__V1__Pace *pace;

	if (!is_paced(p))
		return;
	pace = p->pace;
	buf_printf(out,
		   ",\"pace\":{\"state\":\"%s\",\"since_ms\":%" PRId64 ",\"planned\":%" PRIu64
		   ",\"expected\":%" PRIu64 ",\"low\":%" PRIu64 ",\"high\":%" PRIu64
		   ",\"supply\":%" PRIu64 ",\"scarcity_minor\":%" PRId64 "}",
		   states[pace->state].code, pace->since_ms, pace->planned, pace->expected,
		   pace->low, pace->high, pace->supply, pace->scarcity_minor);
}
