/* advertiser_contract: whole percents, for nobody's contract says 12.34 % of returns. What holds for a lead is fixed when it is
 * delivered. */
#include "advertiser_contract.h"

#define BP_PERCENT 100

void advertiser_contract_read(const struct yaml *item, Punnet__V1__Advertiser *ret,
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
}
