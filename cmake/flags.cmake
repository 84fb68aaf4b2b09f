# Flags that hold for all of our code. Asserts stay on: NDEBUG is never defined.
add_library(punnet_flags INTERFACE)
target_compile_options(punnet_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wvla -Wundef -Wformat=2 -Wno-format-nonliteral
  -Wno-missing-field-initializers
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition>
  -fno-strict-aliasing -fwrapv -ffp-contract=off -fstack-protector-strong -D_GNU_SOURCE)
target_include_directories(punnet_flags INTERFACE
  ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/lib ${CMAKE_BINARY_DIR}/gen)

set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
# Of 2009 and later: a count of bits is one instruction.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  string(APPEND CMAKE_C_FLAGS_RELEASE " -march=x86-64-v2")
  string(APPEND CMAKE_CXX_FLAGS_RELEASE " -march=x86-64-v2")
endif()
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")

if(PUNNET_SANITIZE)
  target_compile_options(punnet_flags INTERFACE -fsanitize=${PUNNET_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(punnet_flags INTERFACE -fsanitize=${PUNNET_SANITIZE})
endif()
if(PUNNET_FAULTS)
  target_compile_definitions(punnet_flags INTERFACE PUNNET_FAULTS=1)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Relative paths in the cache's keys: a second clone builds from the first one's cache.
  set(CACHED ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CACHED})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CACHED})
endif()
