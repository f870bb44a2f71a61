// SPDX-License-Identifier: Apache-2.0
package watchers;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** A server of Spring Boot, all of whose settings come from the command line. */
@SpringBootApplication
public class Server {
	public static void main(String[] arguments) {
		SpringApplication.run(Server.class, arguments);
	}
}
