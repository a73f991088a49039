# Every library the product links, each from Debian; docs/dependencies.md says why.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
include(cmake/onednn.cmake)

pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(TIFF REQUIRED IMPORTED_TARGET libtiff-4)
pkg_check_modules(MINIZIP REQUIRED IMPORTED_TARGET minizip)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(CAIRO REQUIRED IMPORTED_TARGET cairo cairo-svg cairo-pdf cairo-ft)
pkg_check_modules(FONTCONFIG REQUIRED IMPORTED_TARGET fontconfig)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
find_program(PROTOC_C protoc-c REQUIRED)
find_library(GIF_LIBRARY gif REQUIRED)
find_library(CSV_LIBRARY csv REQUIRED)
find_file(CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js REQUIRED NO_DEFAULT_PATH)

add_library(dnnb_dependencies INTERFACE)
target_link_libraries(dnnb_dependencies INTERFACE
  Threads::Threads OpenMP::OpenMP_C ${DNNL_LIBRARY} PkgConfig::JPEG PkgConfig::PNG PkgConfig::WEBP
  PkgConfig::TIFF PkgConfig::MINIZIP PkgConfig::ARCHIVE PkgConfig::JANSSON PkgConfig::NETTLE
  PkgConfig::XXHASH PkgConfig::CAIRO PkgConfig::FONTCONFIG PkgConfig::PROTOBUF_C
  PkgConfig::ISAL PkgConfig::CURL PkgConfig::MICROHTTPD ${GIF_LIBRARY} ${CSV_LIBRARY} m
  ${CMAKE_DL_LIBS})
target_include_directories(dnnb_dependencies SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
