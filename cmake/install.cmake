# What `cmake --install` puts where, with what other programs find the library by: a pkg-config file
# and a CMake package. All paths are relative, so that an installed tree can be moved and
# `cmake --install --prefix` is right.
include(CMakePackageConfigHelpers)
set(DNNB_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/dnnbrain)

install(TARGETS dnnbrain EXPORT dnnbrain-targets)
install(DIRECTORY include/dnnbrain TYPE INCLUDE)
if(TARGET dnnbrain_cli)
  install(TARGETS dnnbrain_cli)
endif()

# Pretrained parameters that ship. The library looks for them above itself, so that a build folder
# has them in the same place as an installed tree.
file(GLOB weights CONFIGURE_DEPENDS data/weights/*.safetensors)
file(COPY ${weights} DESTINATION ${CMAKE_BINARY_DIR}/share/dnnbrain/weights)
install(FILES ${weights} DESTINATION ${CMAKE_INSTALL_DATADIR}/dnnbrain/weights)

file(RELATIVE_PATH DNNB_PREFIX_FROM_PC "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/dnnbrain.pc.in dnnbrain.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dnnbrain.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Before 1.0 each minor version is an interface of its own; see dnnbrain.map.in.
write_basic_package_version_file(dnnbrain-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/dnnbrain-config.cmake ${CMAKE_BINARY_DIR}/dnnbrain-config-version.cmake
        DESTINATION ${DNNB_PACKAGE_FOLDER})
install(EXPORT dnnbrain-targets NAMESPACE dnnbrain:: DESTINATION ${DNNB_PACKAGE_FOLDER})
