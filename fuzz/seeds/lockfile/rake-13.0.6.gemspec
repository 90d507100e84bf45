gems/specifications/rake-13.0.6.gemspec
# -*- encoding: utf-8 -*-
# stub: rake 13.0.6 ruby lib

Gem::Specification.new do |s|
  s.name = "rake".freeze
  s.version = "13.0.6"
  s.required_ruby_version = Gem::Requirement.new(">= 2".freeze)
end
