/* country_area: see country_area.h. */
#include "country_area.h"

static const struct {
	enum country_area area;
	const char *countries; /* one after another, with a blank behind each */
} areas[] = {
    {AREA_NORTH, "AD AL AM AT AX AZ BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GE GG GI GL GR HR "
		 "HU IE IL IM IS "
		 "IT JE KG KZ LI LT LU LV MC MD ME MK MN MT NL NO PL PT RO RS RU SE SI SJ SK SM TJ "
		 "TM TR UA UZ VA "
		 "XK "},
    {AREA_MIDDLE_EAST, "AE BH DZ EG EH IQ IR JO KW LB LY MA OM PS QA SA SY TN YE "},
    {AREA_AFRICA, "AO BF BI BJ BW CD CF CG CI CM CV DJ ER ET GA GH GM GN GQ GW KE KM LR LS MG ML "
		  "MR MU MW MZ NA NE "
		  "NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TZ UG YT ZA ZM ZW "},
    {AREA_ASIA,
     "AF BD BN BT CN HK ID IN IO JP KH KP KR LA LK MM MO MV MY NP PH PK SG TH TL TW VN "},
    {AREA_AMERICAS, "AG AI AR AW BB BL BM BO BQ BR BS BZ CA CL CO CR CU CW DM DO EC FK GD GF GP GT "
		    "GY HN HT JM KN KY "
		    "LC MF MQ MS MX NI PA PE PM PR PY SR SV SX TC TT US UY VC VE VG VI "},
    {AREA_OCEANIA,
     "AS AU CC CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV VU WF WS "},
};

enum country_area country_area(struct slice country)
{
	for (size_t i = 0; country.len == 2 && i < ARRAY_LEN(areas); i++) {
		for (const char *at = areas[i].countries; *at; at += 3) {
			if (slice_same_bytes(at, country.data, 2))
				return areas[i].area;
		}
	}
	return AREA_UNKNOWN;
}
