posix.setenv("ROOT_A", "1") posix.setenv("ROOT_A", "2", false) say(os.getenv("ROOT_A"), posix.getenv("ROOT_A"), posix.getenv().ROOT_A)
posix.setenv("ROOT_A", "3", true) say(os.getenv("ROOT_A")) posix.unsetenv("ROOT_A") say(os.getenv("ROOT_A"))
say(posix.putenv("ROOT_B=x=y"), posix.getenv("ROOT_B"), os.getenv("ROOT_NONE"))
shown(posix.setenv, "", "x") shown(posix.setenv, "a=b", "x") shown(posix.setenv, "a") shown(os.getenv)
