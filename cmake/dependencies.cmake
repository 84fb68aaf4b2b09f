# Libraries that we stand on, by their own names. Versions are Debian 12's; see docs/decisions.md.
find_package(PkgConfig REQUIRED)
foreach(pair IN ITEMS "uv;libuv" "hiredis;hiredis" "protobufc;libprotobuf-c" "sodium;libsodium"
                      "curl;libcurl" "sqlite;sqlite3" "pq;libpq" "yaml;yaml-0.1" "idn2;libidn2" "cares;libcares"
                      "maxminddb;libmaxminddb" "hs;libhs")
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
endforeach()

# librdkafka is built with our changes (deploy/setup/librdkafka), and linked statically.
if(PUNNET_SANITIZE STREQUAL thread)
  set(RDKAFKA_SANITIZER thread)
endif()
string(JOIN - RDKAFKA_NAME librdkafka ${RDKAFKA_SANITIZER})
set(RDKAFKA_DIR ${CMAKE_SOURCE_DIR}/.cache/${RDKAFKA_NAME})
if(NOT EXISTS ${RDKAFKA_DIR}/.complete)
  message(FATAL_ERROR "librdkafka is not there; run deploy/setup/librdkafka ${RDKAFKA_SANITIZER}")
endif()
find_package(Threads REQUIRED)
add_library(rdkafka STATIC IMPORTED)
set_target_properties(rdkafka PROPERTIES IMPORTED_LOCATION ${RDKAFKA_DIR}/lib/librdkafka.a INTERFACE_INCLUDE_DIRECTORIES ${RDKAFKA_DIR}/include)
target_link_libraries(rdkafka INTERFACE ssl crypto zstd z m ${CMAKE_DL_LIBS} Threads::Threads)

find_library(CMOCKA_LIBRARY cmocka REQUIRED)
find_library(CSV_LIBRARY csv REQUIRED)
find_library(PHONENUMBER_LIBRARY phonenumber REQUIRED)
find_library(PROTOBUF_LITE_LIBRARY protobuf-lite REQUIRED) # phonenumber's own, to read its metadata when we build
find_program(PROTOC_C protoc-c REQUIRED)

# llhttp comes as C sources (package node-llhttp).
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH REQUIRED)
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH REQUIRED)
add_library(llhttp STATIC ${LLHTTP_SOURCE_DIR}/llhttp.c ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
target_compile_options(llhttp PRIVATE -O2 -w)
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1) # CR LF means CR LF
