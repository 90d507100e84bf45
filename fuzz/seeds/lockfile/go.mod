go.mod
module app.test/shop

go 1.21.0

toolchain go1.21.4

require lib.test/one v1.2.3 // indirect

require (
	lib.test/two/v2 v2.0.0+incompatible
	lib.test/three v0.0.0-20240102030405-0123456789ab // indirect; why
	"lib.test/four" v1.0.0
	lib.test/five v1.0.0
	lib.test/six v1.5.0
)

exclude lib.test/one v1.2.4

replace lib.test/four => ../four

replace (
	lib.test/five => fork.test/five v1.0.1
	lib.test/six v1.4.0 => fork.test/six v1.4.1
	lib.test/two/v2 v2.0.0+incompatible => lib.test/two/v2 v2.0.1
)

retract v1.0.0
tool lib.test/one/cmd/x
