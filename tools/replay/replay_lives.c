#include "tools/replay/replay.h"
int replay_lives(struct replay *r) { (void)r; return TOOL_USAGE; }
int replay_regather(struct replay *r) { (void)r; return TOOL_USAGE; }
int replay_decisions_what_if(struct replay *r) { (void)r; return TOOL_USAGE; }
