/* order_funds: what an advertiser may spend in a vertical's market. The amounts are totals since the beginning, so that
 * saying it twice gives nothing twice. */
#include <stdio.h>

#include "order_more.h"
#include "runtime/clock.h"

static bool amount(const char *text, int64_t *ret)
{
	return !text || slice_to_int64(slice_cstr(text), ret);
}

static int publish(struct tool *t, const Punnet__V1__Vertical *v, const char *vertical,
		   Punnet__V1__FundsChanged *funds)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct error error;
	enum result r;

	source.topic = (char *)"operator";
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_FUNDS;
	event.funds = funds;
	r = tool_produce(t, "market", (int32_t)v->market_partition, slice_cstr(vertical),
			 &event.base, &error);
	if (r == RESULT_OK)
		r = tool_flush(t, &error);
	if (r != RESULT_OK)
		return tool_fail("order", r, &error);
	printf(t->json ? "{\"advertiser\":\"%s\",\"vertical\":\"%s\",\"paid_in_minor\":%lld,"
			 "\"credit_minor\":%lld,"
			 "\"unlimited\":%s}\n"
		       : "%s in %s: paid in %lld, credit %lld, unlimited: %s\n",
	       funds->advertiser_id, vertical, (long long)funds->paid_in_minor,
	       (long long)funds->credit_minor, funds->unlimited ? "true" : "false");
	return TOOL_DONE;
}

int order_funds(struct tool *t, const struct directory *d, int argc, char **argv)
{
	Punnet__V1__FundsChanged funds = PUNNET__V1__FUNDS_CHANGED__INIT;
	const Punnet__V1__DirectoryEntry *v;
	const char *paid_in = tool_option(&argc, argv, "--paid-in");
	const char *credit = tool_option(&argc, argv, "--credit");

	funds.unlimited = tool_flag(&argc, argv, "--unlimited");
	if (argc != 4 || (!paid_in && !credit) == !funds.unlimited ||
	    !amount(paid_in, &funds.paid_in_minor) || !amount(credit, &funds.credit_minor) ||
	    funds.credit_minor < 0)
		return tool_usage("order", "expected funds ADVERTISER VERTICAL --paid-in MINOR "
					   "[--credit MINOR], or --unlimited");
	v = directory_get(d, "vertical", slice_cstr(argv[3]));
	if (!v || !directory_get(d, "advertiser", slice_cstr(argv[2])))
		return tool_usage("order", "no such advertiser, or no such vertical: %s, %s",
				  argv[2], argv[3]);
	funds.advertiser_id = argv[2];
	funds.currency = v->vertical->currency;
	funds.revision = (uint64_t)clock_now_ms();
	return publish(t, v->vertical, argv[3], &funds);
}
