/* model_draw_advertiser: what happens to an advertiser as a whole: its funds, an outage, a rule that lowers it. */
#include "model_world.h"

const char *const advertiser_ids[MODEL_ADVERTISERS] = {"bank-a", "bank-b", "bank-c", "bank"};

void draw_funds(struct both *b)
{
	int a = (int)some(b, MODEL_ADVERTISERS);
	Punnet__V1__FundsChanged funds = PUNNET__V1__FUNDS_CHANGED__INIT;

	funds.advertiser_id = (char *)advertiser_ids[a];
	funds.currency = (char *)"RUB";
	funds.paid_in_minor = (int64_t)some(b, 1500);
	funds.credit_minor = (int64_t)some(b, 200);
	funds.revision = (uint64_t)b->model.now;
	funds.unlimited = chance(b, 30);
	if (play_funds(&b->play, b->model.now, &funds) != MARKET_CHANGED)
		return; /* of the very same moment: an older revision */
	b->model.limited[a] = !funds.unlimited;
	b->model.funds[a] = funds.paid_in_minor + funds.credit_minor;
}

void draw_hold(struct both *b)
{
	int a = (int)some(b, MODEL_ADVERTISERS);
	int64_t now = b->model.now;
	int64_t until = chance(b, 30) ? 0 : now + (int64_t)some(b, 20 * MS_PER_MIN);

	(void)play_held(&b->play, now, advertiser_ids[a], until);
	/* at most ten minutes, whatever it says */
	b->model.held_until[a] = until > now + 10 * MS_PER_MIN ? now + 10 * MS_PER_MIN : until;
}

/* Half of them last for hours, half for days; some say what no rule may, and change nothing. */
void draw_lowered(struct both *b)
{
	int a = (int)some(b, MODEL_ADVERTISERS);
	int64_t now = b->model.now, until = 0;
	uint32_t lower_bp = chance(b, 5) ? 9001 : (uint32_t)some(b, 9001);

	if (chance(b, 80))
		until = now + (int64_t)some(b, (chance(b, 50) ? 4 : 10 * 24) * MS_PER_HOUR);
	(void)play_lowered(&b->play, now, advertiser_ids[a], until, lower_bp);
	if (lower_bp > 9000)
		return;
	/* at most a week, whatever it says */
	b->model.lowered_until[a] = until > now + 7 * MS_PER_DAY ? now + 7 * MS_PER_DAY : until;
	b->model.lower_bp[a] = lower_bp;
}
