/* meter: see meter.h. */
#include "meter.h"

#include <string.h>

#define SCALE_LEAST_MS (5 * MS_PER_MIN) /* less says too little to be scaled by */

static int slot_of(struct meter *m, const char *currency)
{
	for (int i = 0; i < METER_CURRENCIES; i++) {
		if (!*m->currency[i])
			memcpy(m->currency[i], currency, 3);
		if (memcmp(m->currency[i], currency, 3) == 0)
			return i;
	}
	return -1;
}

void meter_add(struct meter *m, const char *currency, int64_t minor, int64_t now_ms)
{
	int64_t minute = now_ms / MS_PER_MIN;
	struct meter_minute *at = &m->minutes[minute % METER_MINUTES];
	int slot = strlen(currency) == 3 ? slot_of(m, currency) : -1;

	if (at->minute != minute)
		*at = (struct meter_minute){.minute = minute};
	if (m->since_ms == 0)
		m->since_ms = now_ms;
	at->leads++;
	if (slot >= 0)
		at->minor[slot] += minor;
}

struct meter_hour meter_read(const struct meter *m, int64_t now_ms)
{
	int64_t now = now_ms / MS_PER_MIN, age_ms = now_ms - m->since_ms;
	struct meter_hour hour = {0};

	memcpy(hour.currency, m->currency, sizeof(hour.currency));
	for (int i = 0; i < METER_MINUTES; i++) {
		const struct meter_minute *at = &m->minutes[i];

		if (at->minute <= now - METER_MINUTES || at->minute > now)
			continue;
		hour.leads += at->leads;
		for (int k = 0; k < METER_CURRENCIES; k++)
			hour.minor[k] += at->minor[k];
	}
	if (m->since_ms == 0 || age_ms >= MS_PER_HOUR)
		return hour;
	age_ms = MAX_OF(age_ms, SCALE_LEAST_MS);
	hour.leads = hour.leads * (uint64_t)MS_PER_HOUR / (uint64_t)age_ms;
	for (int k = 0; k < METER_CURRENCIES; k++)
		hour.minor[k] = hour.minor[k] * MS_PER_HOUR / age_ms;
	return hour;
}
