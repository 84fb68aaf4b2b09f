/* advertiser_contract: whole percents, for nobody's contract says 12.34 % of returns. What holds for a lead is fixed when it is
 * delivered. */
#include "advertiser_contract.h"

#define BP_PERCENT  100
#define LEAST_LEADS 20
#define WINDOW_DAYS 7
#define PAUSE_HOURS 24
/* Together no more than the market keeps its records: so a pause is known for as long as leads before it could count. */
#define WINDOW_DAYS_MAX 23
#define PAUSE_DAYS_MAX  7

#define LOWER_PERCENT_MAX 90

/* Before it is paused. */
static bool read_lower(const struct yaml *map, Punnet__V1__QualityRule *ret, struct yaml_faults *f)
{
	int64_t percent = 0, slow = 0, own = 0;

	if (!map)
		return false;
	yaml_int(map, "percent", 1, LOWER_PERCENT_MAX, &percent, f);
	yaml_int(map, "slow_minutes", 1, 100000, &slow, f);
	yaml_int(map, "own_cause_percent", 1, 100, &own, f);
	yaml_refuse_unknown(map, "lower", "percent, slow_minutes, own_cause_percent", f);
	if (percent == 0 || (slow == 0 && own == 0))
		yaml_fault(
		    f, map->line,
		    "lower: expected percent, and slow_minutes or own_cause_percent, or both");
	ret->lower_percent = (uint32_t)percent;
	ret->lower_slow_minutes = (uint32_t)slow;
	ret->lower_own_cause_percent = (uint32_t)own;
	return true;
}

/* When `punnet scorecard apply` pauses or lowers it. */
static void read_quality(struct arena *a, const struct yaml *item, Punnet__V1__Advertiser *ret,
			 struct yaml_faults *f)
{
	const struct yaml *map = yaml_get(item, "quality");
	int64_t slow = 0, own = 0, least = LEAST_LEADS, window = WINDOW_DAYS, pause = PAUSE_HOURS;
	Punnet__V1__QualityRule *rule;
	bool lowers;

	if (!map)
		return;
	yaml_int(map, "slow_minutes", 1, 100000, &slow, f);
	yaml_int(map, "own_cause_percent", 1, 100, &own, f);
	yaml_int(map, "least_leads", 1, 1000000, &least, f);
	yaml_int(map, "window_days", 1, WINDOW_DAYS_MAX, &window, f);
	yaml_int(map, "pause_hours", 1, PAUSE_DAYS_MAX * 24, &pause, f);
	rule = arena_alloc(a, sizeof(*rule));
	punnet__v1__quality_rule__init(rule);
	lowers = read_lower(yaml_get(map, "lower"), rule, f);
	yaml_refuse_unknown(
	    map, "quality",
	    "slow_minutes, own_cause_percent, least_leads, window_days, pause_hours, lower", f);
	if (!lowers && slow == 0 && own == 0)
		yaml_fault(f, item->line,
			   "quality: expected slow_minutes, own_cause_percent or lower");
	rule->slow_minutes = (uint32_t)slow;
	rule->own_cause_percent = (uint32_t)own;
	rule->least_leads = (uint32_t)least;
	rule->window_days = (uint32_t)window;
	rule->pause_hours = (uint32_t)pause;
	ret->quality = rule;
}

void advertiser_contract_read(struct arena *a, const struct yaml *item, Punnet__V1__Advertiser *ret,
			      struct yaml_faults *f)
{
	int64_t vat = 0, returns = 0;
	struct slice own = slice_cstr("refused");

	yaml_int(item, "vat_percent", 0, 100, &vat, f);
	yaml_int(item, "returns_max_percent", 1, 100, &returns, f);
	yaml_text(item, "own_cause_returns", &own, f);
	ret->vat_bp = (uint32_t)vat * BP_PERCENT;
	ret->returns_max_bp = (uint32_t)returns * BP_PERCENT;
	ret->own_cause_borne = slice_is(own, "borne");
	if (!ret->own_cause_borne && !slice_is(own, "refused"))
		yaml_fault(f, item->line, "own_cause_returns: expected refused or borne");
	read_quality(a, item, ret, f);
}
